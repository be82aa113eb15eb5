"""The replies, in the words of RFC 5321 (4.2 and Appendix D), with the enhanced status codes of RFC 3463.

RFC 2034 wants such a code in each reply with 2, 4 or 5 but the greeting and those to EHLO and HELO. Behind the
RFC's words, and a colon, stands what the client or its administrator has to know besides. The codes and words for
AUTH are those of RFC 4954, for SIZE of RFC 1870, for SMTPUTF8 of RFC 6531.
"""

OK = "250 2.0.0 OK"
SENDER_OK = "250 2.1.0 OK"
RECIPIENT_OK = "250 2.1.5 OK"
MESSAGE_OK = "250 2.6.0 OK: message accepted as"
CANNOT_VERIFY = "252 2.0.0 Cannot VRFY user, but will accept message and attempt delivery"
HELP = "214 2.0.0 Help message: see RFC 5321"
START_INPUT = "354 Start mail input; end with <CRLF>.<CRLF>"

LOCAL_ERROR = "451 4.3.0 Requested action aborted: local error in processing"
TOO_MANY_RECIPIENTS = "452 4.5.3 Too many recipients"

UNRECOGNIZED = "500 5.5.1 Syntax error, command unrecognized"
LINE_TOO_LONG = "500 5.5.2 Line too long"
SYNTAX_ERROR = "501 5.5.4 Syntax error in parameters or arguments"
PATH_TOO_LONG = "501 5.1.3 Path too long"
NOT_IMPLEMENTED = "502 5.5.1 Command not implemented"
BAD_SEQUENCE = "503 5.5.1 Bad sequence of commands"
HELLO_FIRST = f"{BAD_SEQUENCE}: send EHLO first"
NO_SUCH_USER = "550 5.1.1 No such user here"
NO_RELAYING = "550 5.7.1 Delivery not authorized, message refused: relaying is not permitted"
TOO_BIG = "552 5.3.4 Message size exceeds fixed maximum message size"
NEEDS_SMTPUTF8 = "553 5.6.7 Non-ASCII addresses not permitted without SMTPUTF8"
BARE_CR_OR_LF = "554 5.6.0 Transaction failed: bare <CR> or <LF> received"
ROUTING_LOOP = "554 5.4.6 Transaction failed: routing loop detected, too many hops"
UNKNOWN_PARAMETER = "555 5.5.4 MAIL FROM/RCPT TO parameters not recognized or not implemented"

AUTHENTICATED = "235 2.7.0 Authentication succeeded"
NOT_BASE64 = "501 5.5.2 Syntax error in parameters or arguments: not the Base64 of a PLAIN response"
UNKNOWN_MECHANISM = "504 5.5.4 Unrecognized authentication type: use PLAIN"
NEEDS_AUTHENTICATION = "530 5.7.0 Authentication required"
WRONG_CREDENTIALS = "535 5.7.8 Authentication credentials invalid"
NEEDS_TLS = "538 5.7.11 Encryption required for requested authentication mechanism"

MISTAKES = ("4.7.0", "too many errors")
TIMEOUT = ("4.4.2", "timeout exceeded")
LOST_INPUT = ("4.4.2", "the input ended within a message")
SHUTDOWN = ("4.3.2", "system shutdown")


def too_big(size: int) -> str:
    """Return the reply to a message of more than `size` bytes."""
    return f"{TOO_BIG}: {size} bytes"


def greeting(host: str) -> str:
    """Return the first reply on a connection."""
    return f"220 {host} ESMTP Service ready"


def goodbye(host: str) -> str:
    """Return the reply to QUIT."""
    return f"221 2.0.0 {host} Service closing transmission channel"


def unavailable(host: str, reason: tuple[str, str]) -> str:
    """Return the last reply on a connection that the server closes: RFC 5321, 3.8."""
    code, text = reason
    return f"421 {code} {host} Service not available, closing transmission channel: {text}"
