"""What is kept of one request for others, as CherryPy's listener of logs does: its server, or `req` itself."""

import threading

from error_of import error_of  # type: ignore[import-not-found]

from mod_python import apache

kept: list[apache.Server] = []
requests: list[apache.Request] = []
connections: list[apache.Connection] = []


def told(server: apache.Server) -> list[object]:
    server.log_error("a line of a kept server", apache.APLOG_NOTICE)
    names = (server.server_hostname, server.port, server.timeout, server.names)
    return [names, server.get_options()["kept"], sorted(server.get_config().keys()), server.next is not None]


def all_told() -> list[list[object]]:
    servers = [*kept, requests[0].server, connections[0].base_server]
    return [told(server) for server in servers]


def keep(req: apache.Request) -> int:
    requests[:] = [req]
    connections[:] = [req.connection]
    kept[:] = [req.server, req.connection.base_server] if req.args else [req.server]
    req.write(repr(all_told()))
    return apache.OK


def keep_unasked(req: apache.Request) -> int:
    """Keep the request and the connection only: nobody has asked for their servers yet."""
    requests[:] = [req]
    connections[:] = [req.connection]
    kept[:] = []
    return apache.OK


def use(req: apache.Request) -> int:
    """Use what an earlier request has left, here and on a thread of Python's."""
    answers: list[str] = []
    thread = threading.Thread(target=lambda: answers.append(error_of(lambda: answers.append(repr(all_told())))))
    thread.start()
    thread.join()
    assert answers[1] == "no error", answers
    assert error_of(lambda: requests[0].uri) == "RuntimeError: the request is over"
    req.write(repr([answers[0], repr(all_told())]))
    return apache.OK
