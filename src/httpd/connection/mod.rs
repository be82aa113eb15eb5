//! Connections: `conn_rec`.

pub mod blocking;
mod bytes_moved;
mod log;
pub mod nonblocking;
pub mod parked_socket;
pub mod parking;
pub mod poller;
pub(in crate::httpd) mod replay;
pub mod snapshot;
mod stowed_socket;
pub mod thread_event;

use std::cell::UnsafeCell;
use std::ffi::c_void;
use std::ptr::NonNull;

use super::apr::brigade::Brigade;
use super::apr::owned_brigade::OwnedBrigade;
use super::apr::pool::Pool;
use super::apr::table::Table;
use super::ffi;
use super::server::Server;
use super::status::Error;
use crate::httpd::cstr::c_bytes;

/// Whether a connection may carry another request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeepAlive {
    /// Not decided.
    Unknown,
    /// Ends after this response.
    Close,
    /// Stays open.
    Keep,
}

/// mod_reqtimeout's filter, while it is removed from its connection.
pub struct RequestTimeouts {
    handle: *mut ffi::ap_filter_rec_t,
    state: *mut std::ffi::c_void,
}

/// A `conn_rec`.
#[repr(transparent)]
pub struct Connection(UnsafeCell<ffi::conn_rec>);

impl Connection {
    /// # Safety
    /// `raw` points to a live connection for all of `'a`.
    pub(in crate::httpd) unsafe fn from_raw<'a>(raw: *mut ffi::conn_rec) -> &'a Self {
        // SAFETY: repr(transparent); liveness is the caller's promise.
        unsafe { &*raw.cast() }
    }

    pub(in crate::httpd) fn as_ptr(&self) -> *mut ffi::conn_rec {
        self.0.get()
    }

    /// Where its `conn_rec` lies, for code in C.
    pub fn address(&self) -> NonNull<c_void> {
        NonNull::from(self).cast()
    }

    pub(in crate::httpd) fn raw(&self) -> &ffi::conn_rec {
        // SAFETY: live; a read of plain fields on httpd's own thread for this connection.
        unsafe { &*self.as_ptr() }
    }

    pub(in crate::httpd) fn bucket_list(&self) -> *mut ffi::apr_bucket_alloc_t {
        self.raw().bucket_alloc
    }

    /// A number that no other live connection has, and that copies of this one share: where its pool lies.
    pub fn key(&self) -> usize {
        self.raw().pool.addr()
    }

    /// The pool that lives as long as the connection.
    pub fn pool(&self) -> &Pool {
        // SAFETY: a connection has its pool for all its life.
        unsafe { Pool::from_raw(self.raw().pool) }
    }

    /// The virtual host of the address; HTTP may choose another one by name.
    pub fn base_server(&self) -> &Server {
        // SAFETY: set for all the connection's life.
        unsafe { Server::from_raw(self.raw().base_server) }
    }

    /// The connection's notes.
    pub fn notes(&self) -> &Table {
        // SAFETY: made with the connection.
        unsafe { Table::from_raw(self.raw().notes) }
    }

    /// Whether this is one stream of a connection (HTTP/2), not a connection itself.
    pub fn is_stream(&self) -> bool {
        !self.raw().master.is_null()
    }

    /// Whether it is a connection of mod_proxy to another server.
    pub fn is_outgoing(&self) -> bool {
        self.raw().outgoing != 0
    }

    /// Sends what filters of the connection hold back. Not `ap_flush_conn`, which tells mod_ssl that the connection
    /// ends.
    pub fn flush(&self) {
        // `mod_python.testing` has no such filters.
        if !self.raw().output_filters.is_null() {
            let nothing = self.new_brigade();
            nothing.append_flush();
            // An error shows at the next write.
            let _ = self.write(&nothing);
        }
    }

    /// Ends the earlier requests of a connection whose client did not wait for their responses: httpd holds these back,
    /// and with them the requests, until there is more to send. Returns whether there may have been such requests. May
    /// wait for the client; called by the connection's thread, in the hooks of a later request.
    pub fn end_earlier_requests(&self) -> bool {
        let is_later = !self.is_stream() && self.keep_alives() > 0;
        if is_later {
            self.flush();
        }
        is_later
    }

    /// A function that aborts the connection, for what outlives this borrow: parts of files that stand in
    /// buckets of the connection's allocator.
    pub(in crate::httpd) fn give_up(&self) -> Box<dyn Fn() + Send + Sync> {
        let address = self.as_ptr().expose_provenance();
        Box::new(move || {
            let raw: *mut ffi::conn_rec = std::ptr::with_exposed_provenance_mut(address);
            // SAFETY: called while a bucket of the connection's allocator is read, so the connection lives.
            unsafe { Self::from_raw(raw) }.abort();
        })
    }

    /// Aborts the connection: nothing more is sent, and no read or write waits.
    pub fn abort(&self) {
        self.set_keep_alive(KeepAlive::Close);
        // SAFETY: a plain field that filters set on the connection's own thread.
        unsafe { (*self.as_ptr()).aborted = 1 };
    }

    /// Whether the peer is known to be gone.
    pub fn is_aborted(&self) -> bool {
        self.raw().aborted != 0
    }

    /// Whether it may carry another request.
    pub fn keep_alive(&self) -> KeepAlive {
        match self.raw().keepalive {
            ffi::AP_CONN_CLOSE => KeepAlive::Close,
            ffi::AP_CONN_KEEPALIVE => KeepAlive::Keep,
            _ => KeepAlive::Unknown,
        }
    }

    /// Decides whether it may carry another request.
    pub fn set_keep_alive(&self, keep: KeepAlive) {
        let value = match keep {
            KeepAlive::Unknown => ffi::AP_CONN_UNKNOWN,
            KeepAlive::Close => ffi::AP_CONN_CLOSE,
            KeepAlive::Keep => ffi::AP_CONN_KEEPALIVE,
        };
        // SAFETY: a plain field that modules may set on the connection's own thread.
        unsafe { (*self.as_ptr()).keepalive = value };
    }

    /// How many requests it has carried after the first.
    pub fn keep_alives(&self) -> i32 {
        self.raw().keepalives
    }

    /// Whether the peer's name resolves to its address: 1 if it does, -1 if not, 0 if it was not looked up.
    pub fn double_reverse(&self) -> i32 {
        self.raw().double_reverse()
    }

    /// httpd's number for it, unique among the live connections.
    pub fn id(&self) -> i64 {
        self.raw().id
    }

    /// The peer's address as text.
    pub fn client_ip(&self) -> Option<&[u8]> {
        // SAFETY: null or NUL-terminated, for the connection's life.
        unsafe { c_bytes(self.raw().client_ip) }
    }

    /// Our address as text.
    pub fn local_ip(&self) -> Option<&[u8]> {
        // SAFETY: as above.
        unsafe { c_bytes(self.raw().local_ip) }
    }

    /// The peer's host name, if it was looked up.
    pub fn remote_host(&self) -> Option<&[u8]> {
        // SAFETY: as above.
        unsafe { c_bytes(self.raw().remote_host) }
    }

    /// Our host name, if it was looked up.
    pub fn local_host(&self) -> Option<&[u8]> {
        // SAFETY: as above.
        unsafe { c_bytes(self.raw().local_host) }
    }

    /// The user name that the peer's identd gave.
    pub fn remote_logname(&self) -> Option<&[u8]> {
        // SAFETY: as above.
        unsafe { c_bytes(self.raw().remote_logname) }
    }

    /// The peer's port.
    pub fn client_port(&self) -> u16 {
        // SAFETY: null or live with the connection.
        unsafe { self.raw().client_addr.as_ref() }.map_or(0, |address| address.port)
    }

    /// Our port.
    pub fn local_port(&self) -> u16 {
        // SAFETY: null or live with the connection.
        unsafe { self.raw().local_addr.as_ref() }.map_or(0, |address| address.port)
    }

    /// Whether mod_remoteip reads a header of the PROXY protocol from this connection (`RemoteIPProxyProtocol`), or has
    /// read one: its filter stays.
    pub fn has_proxy_header(&self) -> bool {
        // SAFETY: a static name.
        let handle = unsafe { ffi::ap_get_input_filter_handle(c"remoteip_input".as_ptr()) };
        let mut at = self.raw().input_filters;
        // SAFETY: null at the end of the connection's live chain.
        while let Some(filter) = unsafe { at.as_ref() } {
            if !handle.is_null() && filter.frec == handle {
                return true;
            }
            at = filter.next;
        }
        false
    }

    /// Removes mod_reqtimeout's filter: its limits are about HTTP requests, and it would abort any
    /// other protocol that waits for its peer.
    pub fn leave_request_timeouts(&self) -> Option<RequestTimeouts> {
        // SAFETY: a static name.
        let handle = unsafe { ffi::ap_get_input_filter_handle(c"reqtimeout".as_ptr()) };
        let mut at = self.raw().input_filters;
        // SAFETY: null at the end of the connection's live chain.
        while let Some(filter) = unsafe { at.as_ref() } {
            if !handle.is_null() && filter.frec == handle {
                // SAFETY: a filter of the live chain, which goes on behind it.
                unsafe { ffi::ap_remove_input_filter(at) };
                return Some(RequestTimeouts {
                    handle,
                    state: filter.ctx,
                });
            }
            at = filter.next;
        }
        None
    }

    /// Puts mod_reqtimeout's filter back, for HTTP.
    pub fn take_request_timeouts(&self, timeouts: RequestTimeouts) {
        let RequestTimeouts { handle, state } = timeouts;
        // SAFETY: the filter was on this connection with this state, which lives as long as it.
        unsafe {
            ffi::ap_add_input_filter_handle(handle, state, std::ptr::null_mut(), self.as_ptr())
        };
    }

    /// Lets filters such as mod_ssl's shake hands, before anything is read or written. Without `block` the error is
    /// `Error::AGAIN` while the peer's part of the handshake has not arrived.
    pub fn start(&self, brigade: &Brigade, block: bool) -> Result<(), Error> {
        let block = match block {
            true => ffi::APR_BLOCK_READ,
            false => ffi::APR_NONBLOCK_READ,
        };
        let result = self.get(brigade, ffi::AP_MODE_INIT, block, 0);
        brigade.clear();
        result
    }

    /// Waits for a line, or a part of a very long one, appended to `brigade`.
    pub fn read_line(&self, brigade: &Brigade) -> Result<(), Error> {
        self.get(brigade, ffi::AP_MODE_GETLINE, ffi::APR_BLOCK_READ, 0)
    }

    /// Waits for input, and appends a copy of at most `limit` bytes of it: it stays unread.
    pub fn peek(&self, brigade: &Brigade, limit: usize) -> Result<(), Error> {
        self.get(
            brigade,
            ffi::AP_MODE_SPECULATIVE,
            ffi::APR_BLOCK_READ,
            limit,
        )
    }

    /// Waits for input: at least one byte, at most `limit`, appended to `brigade`.
    pub fn read(&self, brigade: &Brigade, limit: usize) -> Result<(), Error> {
        self.get(brigade, ffi::AP_MODE_READBYTES, ffi::APR_BLOCK_READ, limit)
    }

    pub(in crate::httpd) fn get(
        &self,
        brigade: &Brigade,
        mode: ffi::ap_input_mode_t,
        block: ffi::apr_read_type_e,
        limit: usize,
    ) -> Result<(), Error> {
        // SAFETY: the live chain of this connection.
        Error::check(unsafe {
            ffi::ap_get_brigade(
                self.raw().input_filters,
                brigade.as_ptr(),
                mode,
                block,
                limit as ffi::apr_off_t,
            )
        })
    }

    /// Sends a brigade, and empties it.
    pub fn write(&self, brigade: &Brigade) -> Result<(), Error> {
        // SAFETY: the live chain of this connection.
        let status = unsafe { ffi::ap_pass_brigade(self.raw().output_filters, brigade.as_ptr()) };
        brigade.clear();
        Error::check(status)?;
        if self.is_aborted() {
            Err(Error::END_OF_FILE)
        } else {
            Ok(())
        }
    }

    /// A brigade that may be kept until the connection ends.
    pub fn new_brigade(&self) -> OwnedBrigade {
        // SAFETY: it lives in the connection's pool; leases end before that pool is cleared.
        unsafe { OwnedBrigade::new(self.pool(), self.bucket_list()) }
    }

    /// Our own value for this connection, if there is one.
    pub fn existing_state<T: 'static>(&self) -> Option<&T> {
        crate::httpd::module_data::existing_state(self.raw().conn_config)
    }

    /// Our own value for this connection, made when there is none yet.
    pub fn state<T: 'static>(&self, make: impl FnOnce() -> T) -> &T {
        crate::httpd::module_data::state(self.raw().conn_config, self.pool(), make)
    }
}
