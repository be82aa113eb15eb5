"""Lines of PythonCache that are wrong fail configtest, and the sentence says what to write."""

from collections.abc import Iterator

import pytest

from httpd import Httpd
from mod_python import _places
from server import ServerError

FORM = "write PythonCache name shmcb:path(bytes), dbm:path, redis:host:port or memcache:host:port"
# What is wrong with a line itself is said with the line's number.
WRONG = {
    "PythonCache": f"takes a name and a provider: {FORM}",
    "PythonCache hits": f"takes a name and a provider: {FORM}",
    "PythonCache hits shmcb ttl=1 more": f"takes a name and a provider: {FORM}",
    "PythonCache hi.ts shmcb": f"1 to 14 letters, digits, '_' or '-', unlike 'hi.ts': {FORM}",
    "PythonCache a-name-too-long shmcb": "unlike 'a-name-too-long'",
    "PythonCache hits :x": f"'hits' has no provider: {FORM}",
    "PythonCache hits shmcb 60": "takes ttl= with a number of seconds behind the provider, as in ttl=3600, not '60'",
    "PythonCache hits shmcb ttl=0": "as in ttl=3600, not 'ttl=0'",
    "PythonCache hits redis": "redis takes hosts with their ports, as in redis:127.0.0.1:6379, not ''",
    "PythonCache hits memcache:h:x": "memcache takes hosts with their ports, as in memcache:127.0.0.1:11211, not 'h:x'",
    "<Location /x>\nPythonCache hits shmcb\n</Location>": "not allowed",
    "<VirtualHost *:80>\nPythonCache hits shmcb\n</VirtualHost>": "stands outside of <VirtualHost>",
    "PythonCache one shmcb\nPythonCache one dbm:x": "there is a cache 'one' at {place}:1 already: write another name",
    "PythonCache one dbm:x\nPythonCache two dbm:x": "the cache 'one' at {place}:1 has the file x already",
}
# What the provider would refuse is said when all is read.
REFUSED = {
    "PythonCache far redis:h": "no module has the provider 'redis': load mod_socache_redis, as in LoadModule "
    "socache_redis_module modules/mod_socache_redis.so",
    "PythonCache far reddis:h": f"no module has the provider 'reddis': {FORM}",
    "PythonCache hits shmcb:x(100)": "mod_socache_shmcb refuses 'x(100)': Invalid argument: size has to be >= 8192",
    "PythonCache hits shmcb:x(12K": "mod_socache_shmcb refuses 'x(12K': Invalid argument: no closing parenthesis",
}


@pytest.fixture(scope="module")
def server() -> Iterator[Httpd]:
    """A server that never runs: only its configuration is read."""
    server = Httpd("")
    yield server
    server.stop()


def complaint(server: Httpd, fragment: str) -> str:
    (server.folder / "fragment.conf").write_text(fragment)
    result = server.configtest()
    return "" if result.returncode == 0 else result.stderr


@pytest.mark.parametrize("lines", WRONG)
def test_a_wrong_line_says_what_to_write(server: Httpd, lines: str) -> None:
    said = complaint(server, lines + "\n")
    place = f"{server.folder}/fragment.conf"
    number = 2 if "\n" in lines else 1
    assert f"line {number} of {place}:\n" in said
    assert WRONG[lines].format(place=place) in said


@pytest.mark.parametrize("line", REFUSED)
def test_a_provider_is_asked(server: Httpd, line: str) -> None:
    name = line.split()[1]
    said = complaint(server, f"\n{line}\n")
    assert f"PythonCache {name} at {server.folder}/fragment.conf:2: {REFUSED[line]}" in said


@pytest.mark.parametrize(
    "line",
    [
        "PythonCache hits shmcb",
        "PythonCache hits shmcb:",
        "PythonCache a-Name_of_14ch shmcb:run/x(64M) ttl=0.5",
        "PythonCache one shmcb:x(8192)\nPythonCache two shmcb:x(8192)",
    ],
)
def test_a_right_line_passes(server: Httpd, line: str) -> None:
    assert complaint(server, line) == ""


def test_a_cache_that_cannot_be_opened_ends_the_start(server: Httpd) -> None:
    line = "PythonCache file dbm:/nowhere/at/all"
    assert complaint(server, f"LoadModule socache_dbm_module {_places.modules()}/mod_socache_dbm.so\n{line}") == ""
    failed = pytest.raises(ServerError, match=r"PythonCache file at .*: the cache cannot be opened")
    with failed, Httpd(line, modules=("socache_dbm",)):
        pass
