"""The size of a server whose connections are measured: one child, whatever its load, with 16 threads."""

ONE_CHILD = """
StartServers 1
ServerLimit 1
ThreadsPerChild 16
MaxRequestWorkers 16
MinSpareThreads 1
MaxSpareThreads 16
"""
