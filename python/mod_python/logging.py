"""A handler of Python's ``logging`` that writes to httpd's error log.

::

    import logging
    from mod_python.logging import ErrorLogHandler

    logging.basicConfig(level=logging.DEBUG, handlers=[ErrorLogHandler()])

httpd's LogLevel then decides which records are written, for each server and section: ``LogLevel python:debug``.
"""

import logging

from mod_python import _apache

__all__ = ["ErrorLogHandler", "httpd_level"]


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
                _apache._log(level, self.format(record), record.pathname, record.lineno)
        except Exception:
            self.handleError(record)

    def format(self, record: logging.LogRecord) -> str:
        """Return the text of a record."""
        return (self.formatter or self._plain).format(record)
