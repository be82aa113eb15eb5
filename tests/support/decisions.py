"""What functions of `PythonAuthProvider` and `Require python` do that they must not, and what the log says of it."""

FAILURES = {
    "raise": "KeyError: 'the database is away'",
    "return": "SERVER_RETURN",
    "exit": "SystemExit",
    "write": r"RuntimeError: req.write\(\) cannot be called by a function of PythonAuthProvider or Require python",
    "redirect": r"RuntimeError: req.internal_redirect\(\) cannot be called by a function",
    "take": "HTTP has this connection's bytes, .*: a function of PythonAuthProvider or Require python only decides",
}
