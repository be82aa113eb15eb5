//! Requests: `request_rec`.

pub(in crate::httpd) mod at_end;
pub mod auth_probe;
pub(in crate::httpd) mod basic_auth;
pub(in crate::httpd) mod body_framing;
pub(in crate::httpd) mod cgi_env;
pub(in crate::httpd) mod changed_body;
pub(in crate::httpd) mod coding;
mod conclusion;
pub(in crate::httpd) mod content;
pub(in crate::httpd) mod directory_match;
pub(in crate::httpd) mod end_of_http;
pub(in crate::httpd) mod entity_tag;
pub(in crate::httpd) mod error_response;
pub(in crate::httpd) mod fields;
pub mod fileinfo;
pub(in crate::httpd) mod hook_list;
pub(in crate::httpd) mod htaccess_options;
mod log;
pub(in crate::httpd) mod methods;
pub(in crate::httpd) mod no_file;
pub(in crate::httpd) mod range_headers;
pub mod remote_host;
pub(in crate::httpd) mod representation;
pub(in crate::httpd) mod tls;
pub mod uri;

use crate::httpd::server::config::{ModuleSettings, settings_of};
use std::cell::UnsafeCell;
use std::ffi::{CStr, c_void};
use std::ptr::NonNull;

use super::apr::brigade::Brigade;
use super::apr::owned_brigade::OwnedBrigade;
use super::apr::pool::Pool;
use super::apr::table::Table;
use super::connection::Connection;
use super::ffi;
use super::server::Server;
use super::status::{Error, Status};
use crate::httpd::cstr::c_bytes;

/// A `request_rec`.
#[repr(transparent)]
pub struct Request(UnsafeCell<ffi::request_rec>);

impl Request {
    /// # Safety
    /// `raw` points to a live request for all of `'a`.
    pub(in crate::httpd) unsafe fn from_raw<'a>(raw: *mut ffi::request_rec) -> &'a Self {
        // SAFETY: repr(transparent); liveness is the caller's promise.
        unsafe { &*raw.cast() }
    }

    pub(in crate::httpd) fn as_ptr(&self) -> *mut ffi::request_rec {
        self.0.get()
    }

    /// Where its `request_rec` lies, for code in C.
    pub fn address(&self) -> NonNull<c_void> {
        NonNull::from(self).cast()
    }

    pub(in crate::httpd) fn raw(&self) -> &ffi::request_rec {
        // SAFETY: live; plain fields, read on the thread that works on the request.
        unsafe { &*self.as_ptr() }
    }

    /// The pool that lives as long as the request.
    pub fn pool(&self) -> &Pool {
        // SAFETY: a request has its pool for all its life.
        unsafe { Pool::from_raw(self.raw().pool) }
    }

    /// The connection it came on.
    pub fn connection(&self) -> &Connection {
        // SAFETY: as above.
        unsafe { Connection::from_raw(self.raw().connection) }
    }

    /// The virtual host it is for.
    pub fn server(&self) -> &Server {
        // SAFETY: as above.
        unsafe { Server::from_raw(self.raw().server) }
    }

    fn other(&self, raw: *mut ffi::request_rec) -> Option<&Self> {
        // SAFETY: null, or a request of the same chain, which lives as long as this one.
        (!raw.is_null()).then(|| unsafe { Self::from_raw(raw) })
    }

    /// The request that was redirected to this one.
    pub fn prev(&self) -> Option<&Self> {
        self.other(self.raw().prev)
    }

    /// The request that this one was redirected to.
    pub fn next(&self) -> Option<&Self> {
        self.other(self.raw().next)
    }

    /// The request that this one is a subrequest of.
    pub fn main(&self) -> Option<&Self> {
        self.other(self.raw().main)
    }

    /// The request that the client has sent, of which this one is a part or a redirection.
    pub fn origin(&self) -> &Self {
        let mut origin = self;
        while let Some(before) = origin.main().or_else(|| origin.prev()) {
            origin = before;
        }
        origin
    }

    /// The request whose response its own is a part of: the main request of a subrequest; else itself.
    pub fn outermost(&self) -> &Self {
        let mut outermost = self;
        while let Some(main) = outermost.main() {
            outermost = main;
        }
        outermost
    }

    /// Whether it is a subrequest.
    pub fn is_subrequest(&self) -> bool {
        !self.raw().main.is_null()
    }

    /// Redirects the request to another path of this server, whose request goes through all phases before this
    /// returns. A probe is only marked as ended by it, which refuses it.
    pub fn redirect_internally(&self, uri: &CStr) {
        if self.is_auth_probe() {
            // SAFETY: live; a plain field, set on the thread that works on the request.
            unsafe { (*self.as_ptr()).eos_sent = 1 };
            return;
        }
        // SAFETY: live; httpd copies the text. Called where a handler may answer.
        unsafe { ffi::ap_internal_redirect(uri.as_ptr(), self.as_ptr()) };
    }

    /// Whether the method is `HEAD`.
    pub fn is_header_only(&self) -> bool {
        self.raw().header_only != 0
    }

    /// Whether the response has no body: HEAD, 204, 205, 304. httpd itself would send one with 205.
    pub fn has_no_body(&self) -> bool {
        self.is_header_only() || matches!(self.raw().status, 204 | 205 | 304)
    }

    /// Whether the head of the response went out, so that its status stands, or its end was sent.
    /// (Its end counts as sent as soon as the handler has sent it; filters may still hold, or
    /// replace, all of it.)
    pub fn has_started(&self) -> bool {
        self.has_sent() || self.has_ended()
    }

    /// Whether the end of the response was sent.
    pub fn has_ended(&self) -> bool {
        self.raw().eos_sent != 0
    }

    /// Whether nothing may follow in the response: its end was sent, or the request was redirected to
    /// another page, whose response it is.
    pub fn is_answered(&self) -> bool {
        self.has_ended() || self.next().is_some()
    }

    /// The request's headers.
    pub fn headers_in(&self) -> &Table {
        // SAFETY: made with the request.
        unsafe { Table::from_raw(self.raw().headers_in) }
    }

    /// The response's headers, dropped when it becomes an error page.
    pub fn headers_out(&self) -> &Table {
        // SAFETY: as above.
        unsafe { Table::from_raw(self.raw().headers_out) }
    }

    /// The response's headers that stay on errors.
    pub fn err_headers_out(&self) -> &Table {
        // SAFETY: as above.
        unsafe { Table::from_raw(self.raw().err_headers_out) }
    }

    /// The environment that CGI and SSI see.
    pub fn subprocess_env(&self) -> &Table {
        // SAFETY: as above.
        unsafe { Table::from_raw(self.raw().subprocess_env) }
    }

    /// The trailers of the request, once its body is read.
    pub fn trailers_in(&self) -> &Table {
        // SAFETY: as above.
        unsafe { Table::from_raw(self.raw().trailers_in) }
    }

    /// The trailers of the response.
    pub fn trailers_out(&self) -> &Table {
        // SAFETY: as above.
        unsafe { Table::from_raw(self.raw().trailers_out) }
    }

    /// The notes, by which modules tell each other something about the request.
    pub fn notes(&self) -> &Table {
        // SAFETY: as above.
        unsafe { Table::from_raw(self.raw().notes) }
    }

    /// The document root that applies.
    pub fn document_root(&self) -> Option<&[u8]> {
        // SAFETY: live.
        let root = unsafe { ffi::ap_document_root(self.as_ptr()) };
        // SAFETY: NUL-terminated, in a pool of the request or the configuration.
        unsafe { c_bytes(root) }
    }

    /// Whether its file is a directory.
    pub fn is_directory(&self) -> bool {
        self.raw().finfo.filetype == ffi::APR_DIR
    }

    /// Whether httpd has found a file, of whatever kind, for the request.
    pub fn has_file(&self) -> bool {
        self.raw().finfo.filetype != ffi::APR_NOFILE
    }

    /// Sends a brigade through the request's output filters, and empties it. May wait for the client.
    pub fn write(&self, brigade: &Brigade) -> Result<(), Error> {
        // SAFETY: the live chain of this request.
        let status = unsafe { ffi::ap_pass_brigade(self.raw().output_filters, brigade.as_ptr()) };
        brigade.clear();
        Error::check(status)?;
        if self.connection().is_aborted() {
            Err(Error::END_OF_FILE)
        } else {
            Ok(())
        }
    }

    /// Waits for at least one byte of the body, or its end; appends at most `limit` bytes.
    pub fn read(&self, brigade: &Brigade, limit: usize) -> Result<(), Error> {
        self.ask_for_body(brigade, limit, ffi::APR_BLOCK_READ)
    }

    /// As `read`, but appends nothing where nothing has come.
    pub fn read_now(&self, brigade: &Brigade, limit: usize) -> Result<(), Error> {
        match self.ask_for_body(brigade, limit, ffi::APR_NONBLOCK_READ) {
            Err(error) if error.is_again() => Ok(()),
            result => result,
        }
    }

    fn ask_for_body(
        &self,
        brigade: &Brigade,
        limit: usize,
        block: ffi::apr_read_type_e,
    ) -> Result<(), Error> {
        // SAFETY: the live chain of this request.
        Error::check(unsafe {
            ffi::ap_get_brigade(
                self.raw().input_filters,
                brigade.as_ptr(),
                ffi::AP_MODE_READBYTES,
                block,
                limit as ffi::apr_off_t,
            )
        })
    }

    /// Reads the rest of the body and drops it.
    pub fn discard_body(&self) -> Status {
        // SAFETY: live.
        Status(unsafe { ffi::ap_discard_request_body(self.as_ptr()) })
    }

    /// A brigade that may be kept until the request ends.
    pub fn new_brigade(&self) -> OwnedBrigade {
        // SAFETY: it lives in the request's pool; our values for the request, which hold it, are
        // dropped before that pool is cleared.
        unsafe { OwnedBrigade::new(self.pool(), self.connection().bucket_list()) }
    }

    /// Our own value for this request, made when there is none yet.
    pub fn state<T: 'static>(&self, make: impl FnOnce() -> T) -> &T {
        crate::httpd::module_data::state(self.raw().request_config, self.pool(), make)
    }

    /// Our own value for this request, if there is one.
    pub fn existing_state<T: 'static>(&self) -> Option<&T> {
        crate::httpd::module_data::existing_state(self.raw().request_config)
    }
}

impl Request {
    /// The settings that hold for the request where it stands now. `S` is the module's own type.
    pub fn settings<S: ModuleSettings>(&self) -> &S {
        // SAFETY: made by our functions; merged sections live in the request's pool or longer.
        unsafe { settings_of(self.raw().per_dir_config) }
    }

    /// The `Options` that hold for the request where it stands now: a sum of `OPT_*`.
    pub fn allowed_options(&self) -> i32 {
        // SAFETY: live.
        unsafe { crate::httpd::ffi::ap_allow_options(self.as_ptr()) }
    }
}
