"""``python -m mod_python`` is the command `mod_python`."""

import sys

from mod_python._command import main

sys.exit(main())
