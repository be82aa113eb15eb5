//! The table of `conn`: its methods and attributes, in the order of `_apache.pyi`.

use pyo3::prelude::*;

use crate::httpd::Connection;
use crate::python::connection::async_io;
use crate::python::connection::authorize::authorize;
use crate::python::connection::fields::{
    address, base_server, closing, hlist, keepalive, log_error, notes, set_keepalive,
    ssl_var_lookup, useragent_addr, useragent_ip,
};
use crate::python::connection::io;
use crate::python::connection::object::ConnectionObject;
use crate::python::object::capsule::capsule;
use crate::python::object::class::Class;
use crate::python::object::fields::{number, text};
use crate::python::object::members::{attributes, methods};
use crate::python::object::slots::{Slot, async_iterable_slot};
use crate::python::runtime::types::ClassId;

impl Class for ConnectionObject {
    const NAME: &'static std::ffi::CStr = c"mod_python.apache.Connection";
    const DOC: &'static std::ffi::CStr = c"A connection (conn_rec).";
    const ID: ClassId = ClassId::Connection;

    fn slots() -> Vec<Slot> {
        vec![async_iterable_slot::<Self>()]
    }

    methods! { ConnectionObject:
        /// Up to length bytes as soon as some are there; without length, what comes next; with -1,
        /// all until the peer closes. b'' at the end; a plain handler gets it once, then OSError. TimeoutError,
        /// ConnectionError.
        read(; length) = io::read;
        /// One line with its end, or at most length bytes of it; b'' at the end of input, as read. In an
        /// async def handler a longer line raises asyncio.LimitOverrunError.
        readline(; length) = io::readline;
        /// Sends str (as UTF-8), bytes or a buffer. Raises ConnectionError when the peer is gone.
        /// In an async def handler what it returns is awaited: it waits while the peer is slow.
        write(data) = io::write;
        /// Exactly length bytes; asyncio.IncompleteReadError when the input ends before.
        readexactly(length) = async_io::readexactly;
        /// What comes up to and with separator, at most limit bytes (65536), as asyncio has it.
        readuntil(; separator, limit) = async_io::readuntil;
        /// The next length bytes, fewer only at the end of input; without length, what has come, at least one byte,
        /// b'' at the end of input. They stay unread.
        peek(; length) = async_io::peek;
        /// What comes up to and with separator, which stays unread; at the end of input without separator what there is.
        /// Raises asyncio.LimitOverrunError when limit bytes (65536) have no separator.
        peek_until(; separator, limit) = async_io::peek_until;
        /// Waits so many seconds; what was written goes out. At most the virtual host's Timeout.
        sleep(seconds) = async_io::sleep;
        /// Ends our side once all is sent that was written.
        close() = async_io::close;
        /// Writes an entry to the error log; level is one of apache.APLOG_*.
        log_error(message; level) = log_error;
        /// Asks httpd whether a GET of uri with these credentials (Basic; none without a user) would be
        /// let in: the user's name, '' where httpd asks for none, None when it refuses. In an async def
        /// handler it is awaited. RuntimeError when httpd cannot tell; its log says why.
        authorize(uri; user, password) = authorize;
        /// 1 when its bytes are encrypted (TLS).
        is_https() = number(Connection::is_tls);
        /// A variable of mod_ssl (SSL_PROTOCOL, SSL_CLIENT_S_DN …); None without TLS.
        ssl_var_lookup(name) = ssl_var_lookup;
    }
    attributes! { ConnectionObject:
        /// How many seconds one wait of an async def handler takes at most: TimeoutError then.
        timeout = async_io::timeout, async_io::set_timeout;
        /// Whether the server is about to stop: finish what is begun, and return.
        closing = closing;
        /// The virtual host of its address; also when the connection is over.
        base_server = base_server;
        /// What it speaks: 'http/1.1', or what was agreed upon in TLS or by Upgrade.
        protocol = text(Connection::protocol);
        /// The handlers of the connection, in a connection handler; else None.
        hlist = hlist;
        /// The peer's address: (ip, port).
        client_addr = address(Connection::client_ip, Connection::client_port);
        /// Our address: (ip, port).
        local_addr = address(Connection::local_ip, Connection::local_port);
        /// The peer's address as mod_remoteip has it from a PROXY header, else as client_addr.
        useragent_addr = useragent_addr;
        /// As client_addr.
        remote_addr = address(Connection::client_ip, Connection::client_port);
        /// The peer's address.
        client_ip = text(Connection::client_ip);
        /// The peer's address as mod_remoteip has it from a PROXY header, else as client_ip.
        useragent_ip = useragent_ip;
        /// As client_ip.
        remote_ip = text(Connection::client_ip);
        /// Our address.
        local_ip = text(Connection::local_ip);
        /// The peer's host name, if it was looked up.
        remote_host = text(Connection::remote_host);
        /// Our host name, if it was looked up.
        local_host = text(Connection::local_host);
        /// What the peer's identd said.
        remote_logname = text(Connection::remote_logname);
        /// 1 when the peer is known to be gone.
        aborted = number(Connection::is_aborted);
        /// One of apache.AP_CONN_UNKNOWN, AP_CONN_CLOSE, AP_CONN_KEEPALIVE.
        keepalive = keepalive, set_keepalive;
        /// How many requests it carried after its first.
        keepalives = number(Connection::keep_alives);
        /// Whether its host name leads back to its address: 1, -1 if not, 0 if nobody asked.
        double_reverse = number(Connection::double_reverse);
        /// httpd's number for it, unique among those open.
        id = number(Connection::id);
        /// Notes from module to module.
        notes = notes;
        /// The conn_rec, for extensions in C (PyCapsule). It is gone with the connection.
        _conn_rec = capsule(Connection::address);
    }

    fn visit(&self, visit: &mut dyn FnMut(&Py<PyAny>)) {
        for place in [&self.base_server, &self.notes] {
            if let Ok(Some(object)) = place.try_borrow().as_deref() {
                visit(object);
            }
        }
    }

    fn clear(&mut self) {
        self.base_server.take();
        self.notes.take();
    }
}
