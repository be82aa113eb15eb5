"""A httpd beside servers that sessions can be kept in: `SERVER = WithStores`, and KINDS_CONF in the CONF of a test."""

import tempfile
from contextlib import ExitStack
from pathlib import Path

from packages import WithPackages
from postgresql import postgresql
from redis_server import Redis, redis_server, url_of

# The kinds of sessions: the end of a path, by which KINDS_CONF chooses one.
SHARED = ["FileSession", "DbmSession", "SqlSession", "sqlite/SqlSession", "RedisSession", "CacheSession"]
KINDS = ["MemorySession", *SHARED]
KINDS_CONF = """
PythonOption mod_python.session.database_directory ${HTDOCS}/kept
PythonOption mod_python.sql_session.url "${POSTGRESQL}"
PythonOption mod_python.redis_session.url "${REDIS}"
<LocationMatch "/MemorySession$">
    PythonOption mod_python.session.session_type MemorySession
</LocationMatch>
<LocationMatch "/FileSession$">
    PythonOption mod_python.session.session_type FileSession
</LocationMatch>
<LocationMatch "/DbmSession$">
    PythonOption mod_python.session.session_type DbmSession
</LocationMatch>
<LocationMatch "/SqlSession$">
    PythonOption mod_python.session.session_type SqlSession
</LocationMatch>
<LocationMatch "/sqlite/">
    PythonOption mod_python.sql_session.url "sqlite:///${HTDOCS}/kept/sessions.sqlite"
</LocationMatch>
<LocationMatch "/RedisSession$">
    PythonOption mod_python.session.session_type RedisSession
</LocationMatch>
PythonCache sessions shmcb:run/sessions(16M)
<LocationMatch "/CacheSession$">
    PythonOption mod_python.session.session_type CacheSession
</LocationMatch>
"""


class WithStores(WithPackages):
    """A server whose handlers have the packages of the tests, and a PostgreSQL and a Redis of its own.

    ${POSTGRESQL} and ${REDIS} are their URLs; the folder ${HTDOCS}/kept is there for files.
    """

    redis: Redis

    def _more_variables(self) -> dict[str, str]:
        self._stores = ExitStack()
        self._place = Path(self._stores.enter_context(tempfile.TemporaryDirectory(prefix="mod_python.stores.")))
        self._place.chmod(0o755)
        return super()._more_variables() | {"POSTGRESQL": self.postgresql_url, "REDIS": url_of(self._place / "redis")}

    @property
    def postgresql_url(self) -> str:
        """The URL of the database."""
        return f"postgresql:///postgres?host={self._place}/postgresql&user=postgres"

    @property
    def kept(self) -> Path:
        """The folder for files of sessions."""
        return self.htdocs / "kept"

    def start(self) -> None:
        """Start the servers of the stores, and httpd."""
        self.kept.mkdir(exist_ok=True)
        self.kept.chmod(0o777)
        self._stores.enter_context(postgresql(self._place / "postgresql", "-c max_connections=300"))
        self.redis = self._stores.enter_context(redis_server(self._place / "redis"))
        super().start()

    def stop(self) -> None:
        """Stop httpd, and then the stores."""
        with self._stores:
            super().stop()

    def _give_up(self) -> None:
        with self._stores:
            super()._give_up()
