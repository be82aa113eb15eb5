//! The table of `conn`: its methods and attributes, in the order of `_apache.pyi`.

use pyo3::prelude::*;

use crate::httpd::Connection;
use crate::python::connection::async_io;
use crate::python::connection::authorize::authorize;
use crate::python::connection::fields::{
    address, base_server, closing, hlist, keepalive, log_error, notes, set_keepalive,
    ssl_var_lookup, useragent_addr, useragent_ip,
};
use crate::python::connection::object::ConnectionObject;
use crate::python::connection::on_loop;
use crate::python::object::capsule::capsule;
use crate::python::object::class::Class;
use crate::python::object::fields::{number, text};
use crate::python::object::members::{attributes, methods};
use crate::python::object::slots::{Slot, async_iterable_slot};
use crate::python::request::raw_connection;
use crate::python::runtime::types::ClassId;

impl Class for ConnectionObject {
    const NAME: &'static std::ffi::CStr = c"builtins.mp_conn";
    const DOC: &'static std::ffi::CStr =
        c"A connection (httpd's conn_rec). It may be used while httpd calls a handler for it or for one of its \
        requests; at any other time its methods and attributes raise RuntimeError. As req.connection it can be read and \
        written, too: HTTP ends there at the first call, which raises RuntimeError where HTTP must go on.";
    const ID: ClassId = ClassId::Connection;

    fn slots() -> Vec<Slot> {
        vec![async_iterable_slot::<Self>()]
    }

    methods! { ConnectionObject:
        /// Returns up to length bytes as soon as some have come; without length, what comes next; with -1, all until
        /// the peer closes; with 0, b'' at once. b'' at the end of input; a plain handler gets it once, then OSError.
        /// In an async def handler the result is awaited; a plain one waits, and other Python threads run meanwhile.
        /// Raises TimeoutError, and ConnectionError when the connection is broken.
        read(; length) = raw_connection::read;
        /// Returns the next line with its line end (bytes), or at most length bytes of it; b'' at the end of input, as
        /// read(). Waits and raises as read(). In an async def handler a line longer than length (65536 if left out)
        /// raises asyncio.LimitOverrunError.
        readline(; length) = raw_connection::readline;
        /// Sends data (str, encoded as UTF-8, bytes or a buffer). In an async def handler the result is awaited, which
        /// waits while the peer is slow. Raises ConnectionError when the peer is gone, TypeError for data of another
        /// type.
        write(data) = raw_connection::write;
        /// Awaits exactly length bytes (int). Raises asyncio.IncompleteReadError when the input ends before,
        /// TimeoutError, ConnectionError. As asyncio.StreamReader.readexactly().
        readexactly(length) = async_io::readexactly;
        /// Awaits the bytes up to and including separator (a line feed if left out). Raises asyncio.LimitOverrunError
        /// when it is not among the first limit bytes (65536 if left out), asyncio.IncompleteReadError when the input
        /// ends before, ValueError for an empty separator and a limit below 0. As asyncio.StreamReader.readuntil().
        readuntil(; separator, limit) = async_io::readuntil;
        /// Awaits the next length bytes (int) without taking them; fewer only at the end of input. Without length, what
        /// has come, at least one byte; b'' at the end of input.
        peek(; length) = async_io::peek;
        /// Awaits the bytes up to and including separator (a line feed if left out) without taking them; at the end of
        /// input without separator what there is. Raises asyncio.LimitOverrunError when it is not among the first limit
        /// bytes (65536 if left out), ValueError for an empty separator and a limit below 0.
        peek_until(; separator, limit) = async_io::peek_until;
        /// Awaits the end of so many seconds (int or float); what was written is sent meanwhile. Raises ValueError for
        /// more than the virtual host's Timeout.
        sleep(seconds) = async_io::sleep;
        /// Closes this side's direction of the connection once all that was written is sent, which can be awaited.
        close() = async_io::close;
        /// Writes message (str or bytes; None is no entry) to the error log, marked as of this connection. level: one
        /// of apache.APLOG_* (APLOG_ERR if None or left out). Raises TypeError for arguments of other types.
        log_error(message; level) = log_error;
        /// Asks httpd whether it would allow a GET of the path uri (str) with Basic credentials user and password (str
        /// or bytes), or with none. Returns the user's name (str), '' where httpd asks for none, None when it refuses.
        /// In an async def handler the result is awaited. Raises RuntimeError when httpd cannot decide (its log says
        /// why), ValueError when uri is no path.
        authorize(uri; user, password) = authorize;
        /// Returns 1 when the connection is encrypted (TLS), else 0.
        is_https() = number(Connection::is_tls);
        /// Returns the value (str) of name, a variable of mod_ssl such as 'SSL_CLIENT_S_DN'; '' when it is not set,
        /// None without mod_ssl.
        ssl_var_lookup(name) = ssl_var_lookup;
        /// Has the methods of an async def handler that runs as a task on asyncio's loop queued for httpd's thread by
        /// exchange; None ends that. Raises RuntimeError where such a handler runs already.
        _on_loop(exchange) = on_loop::set_exchange;
        /// Waits until future has its value, at most seconds (float), while asyncio's loop can use this object.
        _lend(future, seconds) = on_loop::lend;
        /// Has data (bytes) read once more, which was read for something that does not want it any more.
        _unread(data) = on_loop::unread;
    }
    attributes! { ConnectionObject:
        /// The most seconds (float) that one wait of an async def handler takes before it raises TimeoutError. Can be
        /// set, to at most the virtual host's Timeout; raises ValueError for more.
        timeout = async_io::timeout, async_io::set_timeout;
        /// How many seconds (float) the peer of an async def handler may still wait for answers after it has ended its side
        /// of the connection. When nothing was sent to it for so long, conn.sleep() and apache.aio() raise
        /// ConnectionResetError; 0: at once. Can be set, to at most the virtual host's Timeout, which it is at first;
        /// raises ValueError for more.
        half_close_timeout = async_io::half_close_timeout, async_io::set_half_close_timeout;
        /// True when the server is about to stop: finish what is begun, and return.
        closing = closing;
        /// The Server (virtual host) of the local address and port; it can be used when the connection is over, too.
        base_server = base_server;
        /// The protocol of the connection (str): 'http/1.1', or what ALPN (RFC 7301) or Upgrade has chosen.
        protocol = text(Connection::protocol);
        /// The handlers of the connection in a connection handler, a HandlerList; else None.
        hlist = hlist;
        /// The peer's IP address and port, a tuple (str, int).
        client_addr = address(Connection::client_ip, Connection::client_port);
        /// The local IP address and port, a tuple (str, int).
        local_addr = address(Connection::local_ip, Connection::local_port);
        /// The peer's IP address and port, a tuple (str, int): those of a PROXY header when mod_remoteip reads one,
        /// else those of client_addr.
        useragent_addr = useragent_addr;
        /// The same tuple as client_addr, under its name in httpd 2.2.
        remote_addr = address(Connection::client_ip, Connection::client_port);
        /// The peer's IP address (str).
        client_ip = text(Connection::client_ip);
        /// The peer's IP address (str): that of a PROXY header when mod_remoteip reads one, else client_ip.
        useragent_ip = useragent_ip;
        /// The same str as client_ip, under its name in httpd 2.2.
        remote_ip = text(Connection::client_ip);
        /// The local IP address (str).
        local_ip = text(Connection::local_ip);
        /// The peer's host name (str); None when it was not looked up.
        remote_host = text(Connection::remote_host);
        /// The local host name (str); None when it was not looked up.
        local_host = text(Connection::local_host);
        /// The user name that the peer's identd has told (str; RFC 1413), or None.
        remote_logname = text(Connection::remote_logname);
        /// 1 when the peer is known to be gone (int).
        aborted = number(Connection::is_aborted);
        /// Whether the connection stays open after this response: one of apache.AP_CONN_UNKNOWN, AP_CONN_CLOSE,
        /// AP_CONN_KEEPALIVE (int). Can be set.
        keepalive = keepalive, set_keepalive;
        /// The number of requests after the first one on this connection (int).
        keepalives = number(Connection::keep_alives);
        /// Whether the peer's host name resolves to its address: 1 for yes, -1 for no, 0 when it was not looked up
        /// (int).
        double_reverse = number(Connection::double_reverse);
        /// httpd's number for this connection (int), unique among those that are open.
        id = number(Connection::id);
        /// Notes from one module of httpd to another, a table.
        notes = notes;
        /// The address of the conn_rec (PyCapsule) for extension modules in C, valid as long as the connection.
        _conn_rec = capsule(Connection::address);
    }

    fn visit(&self, visit: &mut dyn FnMut(&Py<PyAny>)) {
        for place in [&self.base_server, &self.notes, &self.exchange] {
            if let Ok(Some(object)) = place.try_borrow().as_deref() {
                visit(object);
            }
        }
    }

    fn clear(&mut self) {
        self.base_server.take();
        self.notes.take();
        self.exchange.take();
    }
}
