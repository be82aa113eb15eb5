"""A server for the examples of a page of the documents."""

import re
import sys
from pathlib import Path

from packages import SITE_PACKAGES

from httpd import Httpd
from pages import blocks
from server import PROJECT

# httpd's own lines about clients that a page shows to be refused.
REFUSED = ("AH01617: user ", "AH01618: user ", "AH01631: user ", "AH01630: client denied")


class Site:
    """The configuration of a page's examples, with places of a test in place of those of a real server."""

    def __init__(self, page: Path) -> None:
        text = "\n".join(blocks(page, "apache"))
        self.ports = {port: f"PORT{port}" for port in re.findall(r"^Listen (\d+)", text, re.MULTILINE)}
        text = text.replace("/srv/python", "${HANDLERS}").replace("/var/www/html", "${HTDOCS}")
        text = text.replace("/var/lib/site", "${STATE}")
        enabled = re.findall(r"^sudo a2enmod (?!python)(.+)", "".join(blocks(page, "sh")), re.MULTILINE)
        self.modules = " ".join(enabled).split()
        text = re.sub(r"(Listen |\*:|localhost:)(\d+)", self._port, text)
        if re.search(r"pip install \w", page.read_text()):  # into the environment of the site
            text = text.replace("'${HANDLERS}'", f"'${{HANDLERS}}', '{SITE_PACKAGES}'")
        self.conf = text

    def _port(self, match: re.Match[str]) -> str:
        return match[1] + (f"${{{self.ports[match[2]]}}}" if match[2] in self.ports else match[2])

    def command(self, httpd: Httpd, command: str) -> str:
        """A command of a page for that server."""
        places = {
            "/var/www/html": str(httpd.htdocs),
            "/var/log/apache2/error.log": str(httpd.error_log),
            "/srv/python": str(httpd.handlers),
            "/var/lib/site": str(httpd.state),
            "http://localhost/": httpd.url("/"),
            "http://127.0.0.1/": httpd.url("/"),
            "ws://localhost/": httpd.url("/").replace("http", "ws"),
            "localhost:80 ": f"127.0.0.1:{httpd.port} ",
            **{f"localhost:{port}": f"localhost:{httpd.port_of(name)}" for port, name in self.ports.items()},
            "sudo ": "",
            "python3 ": f"PYTHONPATH={PROJECT}/python {sys.executable} ",
        }
        for there, here in places.items():
            command = command.replace(there, here)
        return command
