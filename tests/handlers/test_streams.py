"""What Python code prints is in the error log, line by line, with the request it belongs to."""

import json

from httpd import Httpd

CONF = """
SetHandler mod_python
PythonHandler call_by_path
"""
NOTICE = r"^\[[^]]+\] \[python:notice\] \[pid [^]]+\] \[client 127\.0\.0\.1:\d+\] "
ERROR = NOTICE.replace("notice", "error")
NO_CLIENT = NOTICE.replace(r"\[client 127\.0\.0\.1:\d+\] ", "")


def test_w38_stdout_is_notice_and_stderr_is_error(httpd: Httpd) -> None:
    lines = ("one line", "two words and an end", "several", "lines", "at once")
    httpd.expect(*(f"{NOTICE}{line}$" for line in lines), f"{ERROR}trouble$")
    assert httpd.get("/call/printing/lines").status == 200
    httpd.wait_for_log(r"lines\n[^\n]*127\.0\.0\.1:\d+\] ?\n[^\n]*at once$")


def test_what_has_no_line_end_is_logged_when_the_call_ends(httpd: Httpd) -> None:
    httpd.expect(f"{NOTICE}no end$", f"{ERROR}no end of trouble$")
    httpd.get("/call/printing/partial")


def test_lines_are_kept_together(httpd: Httpd) -> None:
    httpd.expect(f"{NOTICE}between$", f"{NOTICE}begun, ended$")
    httpd.get("/call/printing/interleaved")


def test_what_was_printed_stands_before_the_traceback(httpd: Httpd) -> None:
    httpd.expect("ValueError: after the print")
    httpd.allow("PythonHandler call_by_path")
    httpd.get("/call/printing/partial_and_failure")
    log = httpd.log()
    assert log.index("] before the failure\n") < log.index("Traceback")


def test_any_text_can_be_printed(httpd: Httpd) -> None:
    httpd.expect(rf"{NOTICE}caf\\xe9$", rf"{NOTICE}\\xc3\\xa9$", rf"{NOTICE}nul \\\\0 inside$")
    httpd.get("/call/printing/undecodable")


def test_long_lines_are_whole_in_pieces(httpd: Httpd) -> None:
    httpd.get("/call/printing/long")
    httpd.wait_for_log(r"\|end$")
    pieces = [line.rpartition("] ")[2] for line in httpd.log().splitlines() if "xxx" in line]
    assert "".join(pieces) == "x" * 10_000 + "|end"


def test_only_text_is_printed(httpd: Httpd) -> None:
    assert json.loads(httpd.get("/call/printing/wrong").text) == "write() takes str, not bytes"


def test_they_are_streams(httpd: Httpd) -> None:
    httpd.expect(f"{NOTICE}writelines$", f"{NOTICE}still open$", f"{NOTICE}four$")
    seen = json.loads(httpd.get("/call/printing/methods").text)
    assert seen == [True, False, False, "utf-8", False, "<stderr>", 4, True]


def test_logging_and_warnings(httpd: Httpd) -> None:
    httpd.expect(f"{ERROR}WARNING through logging: low on tea$", f"{ERROR}.*UserWarning: old tea$")
    httpd.allow(r"warnings.warn\(")
    httpd.get("/call/printing/libraries")


def test_threads_print_without_a_client(httpd: Httpd) -> None:
    httpd.expect(f"{NO_CLIENT}from a thread$")
    httpd.get("/call/printing/from_thread")


def test_threads_that_die_say_so(httpd: Httpd) -> None:
    httpd.expect("python:error.*exception in thread unlucky.*ZeroDivisionError: division by zero$")
    httpd.allow("python:error.*pid")
    httpd.get("/call/printing/thread_dies")


def test_imports_print_too(httpd: Httpd) -> None:
    httpd.get("/call/printing/lines")
    httpd.allow("trouble")
    # Once per child, with the request that caused it.
    assert httpd.error_text().count("] printed at import\n") == 1


def test_they_have_buffers_and_descriptors(httpd: Httpd) -> None:
    httpd.expect(rf"{NOTICE}caf\\xc3\\xa9$", f"{ERROR}trouble in bytes$", "^echo on stdout$", "^sh on stderr$")
    httpd.expect(r"^Stack \(most recent call first\):$", "^  File .*printing.py.*, line .* in as_files$")
    httpd.allow("^  File ")
    assert json.loads(httpd.get("/call/printing/as_files").text) == [4, 2, True, False, 2]
