"""A child of few threads on the event MPM, in which many requests wait without one: lines for the CONF of a test."""


def few_threads(threads: int) -> str:
    """Return the directives for one child of so many threads, and a second one for restarts."""
    return f"""
ServerLimit 2
StartServers 1
ThreadsPerChild {threads}
ThreadLimit {threads}
MaxRequestWorkers {threads}
MinSpareThreads 1
MaxSpareThreads {threads}
AsyncRequestWorkerFactor 100
"""
