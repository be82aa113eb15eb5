"""What threading says of the main thread."""

import threading

from mod_python import apache


def handler(req: apache.Request) -> int:
    main, here = threading.main_thread(), threading.current_thread()
    req.write(f"{main.ident} {main.name} {main.is_alive()} {main is here} {threading.enumerate().count(main)}")
    return apache.OK
