"""A handler of Python's ``logging`` that writes to httpd's error log.

::

    import logging
    from mod_python.logging import ErrorLogHandler

    logging.basicConfig(level=logging.DEBUG, handlers=[ErrorLogHandler()])

httpd's LogLevel then decides which records are written, for each server and section: ``LogLevel python:debug``.

Records have the id of the request, ``%(request_id)s`` for formatters, which httpd's own logs show as ``%L``: those that
an `ErrorLogHandler` writes, and those of other handlers that have a `RequestIDFilter`::

    handler.addFilter(RequestIDFilter())
    handler.setFormatter(logging.Formatter("%(request_id)s %(message)s"))
"""

import logging

from mod_python import _apache

__all__ = ["ErrorLogHandler", "RequestIDFilter", "httpd_level", "request_id"]


def request_id() -> str | None:
    """Return the id of the request that this thread or task works for, as httpd's logs show it with ``%L``.

    It is that of the client's header which ``PythonRequestID`` believes, else one that httpd has made.

    Returns:
        None outside of requests: when a child starts, in connection handlers, and in threads that no request has
        started with its context of ``contextvars``.
    """
    return _apache._request_id()


class RequestIDFilter(logging.Filter):
    """Gives each record an attribute ``request_id``, a str: what `request_id` returns, or ``"-"`` in place of None.

    It takes all records. On a handler it serves the formatter of that; on a ``QueueHandler``, it runs in the thread
    that logs.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Set the attribute, if the record has none yet, and return True."""
        if "request_id" not in record.__dict__:
            record.__dict__["request_id"] = request_id() or "-"
        return True


def httpd_level(level: int) -> int:
    """Return httpd's level, one of ``apache.APLOG_*``, for a level of Python.

    ``CRITICAL`` to ``DEBUG`` become the levels of the same name, levels from 25 below ``WARNING`` ``APLOG_NOTICE``,
    and levels from 9 down to 2 ``APLOG_TRACE1`` to ``APLOG_TRACE8``; lower ones are ``APLOG_TRACE8`` as well.
    """
    steps = (
        (logging.CRITICAL, _apache.APLOG_CRIT),
        (logging.ERROR, _apache.APLOG_ERR),
        (logging.WARNING, _apache.APLOG_WARNING),
        (25, _apache.APLOG_NOTICE),
        (logging.INFO, _apache.APLOG_INFO),
        (logging.DEBUG, _apache.APLOG_DEBUG),
    )
    for least, answer in steps:
        if level >= least:
            return answer
    return min(_apache.APLOG_DEBUG + logging.DEBUG - level, _apache.APLOG_TRACE8)


_with_id = RequestIDFilter()


class ErrorLogHandler(logging.Handler):
    """Writes each record with its traceback as one entry, with the request or connection that this thread serves.

    Without a formatter, an entry has the logger's name and the message. At level debug and below, httpd adds the file
    and line of the source. Any thread may use it; ``logging`` holds the handler's lock meanwhile.
    """

    _plain = logging.Formatter("%(name)s: %(message)s")

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, if the ``LogLevel`` in force allows its level."""
        try:
            level = httpd_level(record.levelno)
            if _apache._takes(level):
                _with_id.filter(record)
                _apache._log(level, self.format(record), record.pathname, record.lineno)
        except Exception:
            self.handleError(record)

    def format(self, record: logging.LogRecord) -> str:
        """Return the text of a record."""
        return (self.formatter or self._plain).format(record)
