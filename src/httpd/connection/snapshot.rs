//! What httpd's error log says of a connection, copied: for entries of threads that may not use the connection, and
//! that may be written when it is over.

use std::ffi::CString;
use std::mem::MaybeUninit;
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::AtomicPtr;

use super::Connection;
use crate::httpd::cstr::c_bytes;
use crate::httpd::ffi;
use crate::httpd::server::Server;

/// The data of all modules for the copy: none. A hook for log entries may ask for its own.
static NO_DATA: [AtomicPtr<std::ffi::c_void>; 1024] = [const { AtomicPtr::new(null_mut()) }; 1024];

/// A copy of those parts of a `conn_rec` that httpd's error log shows: addresses, levels, the id. Any thread may log by
/// it at any time.
pub struct ConnectionSnapshot {
    record: Box<ffi::conn_rec>,
    server: &'static Server,
    /// What the copy refers to.
    _addresses: [Box<ffi::apr_sockaddr_t>; 2],
    _texts: [CString; 3],
}

// SAFETY: what the record refers to is its own and is not changed, or belongs to the configuration, which lives as long
// as the child.
unsafe impl Send for ConnectionSnapshot {}

// SAFETY: as above.
unsafe impl Sync for ConnectionSnapshot {}

impl ConnectionSnapshot {
    /// A copy of a connection that this thread may use, with the address and port of the client, and the server of the
    /// connection or of a request on it.
    pub fn new(c: &Connection, server: &Server, client: Option<&[u8]>, port: u16) -> Self {
        // SAFETY: a child keeps its configuration until it ends.
        let server: &'static Server = unsafe { &*std::ptr::from_ref(server) };
        // SAFETY: null or NUL-terminated, for the connection's life.
        let id = unsafe { c_bytes(c.raw().log_id) };
        let text =
            |bytes: Option<&[u8]>| CString::new(bytes.unwrap_or_default()).unwrap_or_default();
        // Without an id httpd would make one, in the connection's pool.
        let texts = [text(client), text(c.local_ip()), text(id.or(Some(b"-")))];
        let mut addresses = [address(port), address(c.local_port())];
        // SAFETY: a plain struct of C, for which zero is a value.
        let mut record: Box<ffi::conn_rec> =
            Box::new(unsafe { MaybeUninit::zeroed().assume_init() });
        let [client, local] = &mut addresses;
        record.client_addr = &raw mut **client;
        record.local_addr = &raw mut **local;
        record.client_ip = texts[0].as_ptr().cast_mut();
        record.local_ip = texts[1].as_ptr().cast_mut();
        record.log_id = texts[2].as_ptr();
        record.base_server = server.as_ptr();
        record.log = c.raw().log;
        record.id = c.raw().id;
        record.keepalives = c.raw().keepalives;
        record.conn_config = NO_DATA.as_ptr().cast_mut().cast();
        // The mark of a client's connection, which is only compared with null.
        record.sbh = NonNull::dangling().as_ptr();
        Self {
            record,
            server,
            _addresses: addresses,
            _texts: texts,
        }
    }

    /// The copy, to log by, and for nothing else.
    pub fn connection(&self) -> &Connection {
        let record: *const ffi::conn_rec = &raw const *self.record;
        // SAFETY: it lives as long as `self`. Log entries do not change it: it has its id already.
        unsafe { Connection::from_raw(record.cast_mut()) }
    }

    /// The server of the connection or of the request.
    pub fn server(&self) -> &'static Server {
        self.server
    }
}

/// An address of which only the port is known: the log takes the address itself as text.
fn address(port: u16) -> Box<ffi::apr_sockaddr_t> {
    // SAFETY: a plain struct of C, for which zero is a value.
    let mut address: Box<ffi::apr_sockaddr_t> =
        Box::new(unsafe { MaybeUninit::zeroed().assume_init() });
    address.port = port;
    address
}
