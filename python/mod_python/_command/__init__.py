"""The command `mod_python`: `main` is its entry. Its parts import no more than they need, since httpd does, too."""

from collections.abc import Sequence


def main(words: Sequence[str] | None = None) -> int:
    """Run the command. `words` is what was typed behind its name; None: what this process was started with."""
    import signal

    if words is None and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # while modules are imported, Ctrl-C has nothing to tell
    from mod_python._command import parser

    return parser.main(words)
