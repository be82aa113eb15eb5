"""Servers of small protocols on ports of their own.

Listen 7
<VirtualHost *:7>
    PythonConnectionHandler talking::echo
</VirtualHost>
"""

import time

from mod_python import apache


def echo(conn):
    """The manual's own."""
    while 1:
        conn.write(conn.readline())
    return apache.OK


def daytime(conn):
    conn.write(time.ctime() + "\r\n")
    return apache.OK


def chat(conn):
    """A dialogue of lines, as SMTP has it."""
    conn.log_error("talking: %s:%d has come" % conn.remote_addr, apache.APLOG_NOTICE)
    conn.write("220 %s\r\n" % (conn.base_server.server_hostname or conn.local_addr[0]))
    while 1:
        try:
            line = conn.readline().decode("latin-1")
        except IOError:
            return apache.OK
        words = line.split() or [""]
        verb = words[0].upper()
        if verb == "HELO":
            conn.write("250 %s at your service, %s\r\n" % (conn.local_ip, conn.remote_ip))
        elif verb == "DATA":
            conn.write("354 end with a dot\r\n")
            size = 0
            line = conn.readline()
            while line and line != b".\r\n":
                size = size + len(line)
                line = conn.readline()
            conn.write("250 %d bytes\r\n" % size)
        elif verb == "COUNT":
            conn.notes["count"] = str(int(conn.notes.get("count", "0")) + 1)
            conn.write("250 %s\r\n" % conn.notes["count"])
        elif verb == "RAW":
            data = b""
            left = int(words[1])
            while left > 0:
                data = conn.read(left)
                left = left - len(data)
            conn.write(b"250 " + data[-4:] + b"\r\n")
        elif verb == "QUIT":
            conn.write("221 bye\r\n")
            return apache.OK
        else:
            conn.write("500 what?\r\n")


def not_in_my_house(conn):
    """Close at once what comes from some addresses, and let the others speak HTTP."""
    denied = conn.base_server.get_options().get("denied", "").split()
    if conn.remote_ip in denied:
        conn.write("Go away.\r\n")
        return apache.OK
    return apache.DECLINED
