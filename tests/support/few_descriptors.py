"""A server that has few descriptors, of which a test can count those of a child."""

from pathlib import Path

from httpd import Httpd

MOST = 300


class FewDescriptors(Httpd):
    """A server of few descriptors."""

    def _command(self) -> list[str]:
        return ["prlimit", f"--nofile={MOST}:{MOST}", *super()._command()]

    def descriptors(self) -> int:
        """How many its child has."""
        (child,) = self.children()
        return len(list(Path(f"/proc/{child}/fd").iterdir()))
