//! Requests: `request_rec`.

use std::cell::UnsafeCell;
use std::ffi::c_char;

use super::held::Held;
use super::{Brigade, Connection, Error, Pool, Server, Status, Table, c_bytes, ffi};

/// A `request_rec`.
#[repr(transparent)]
pub struct Request(UnsafeCell<ffi::request_rec>);

/// A text field: how it is read, and how a copy in the request's pool takes its place.
macro_rules! text_fields {
    ($($(#[$doc:meta])* $get:ident $(/ $set:ident)? = $field:ident;)*) => {
        impl Request {$(
            $(#[$doc])*
            pub fn $get(&self) -> Option<&[u8]> {
                // SAFETY: null or NUL-terminated, for the request's life.
                unsafe { c_bytes(self.raw().$field) }
            }
            $(
                /// Replaces it; NUL bytes end it.
                pub fn $set(&self, value: Option<&[u8]>) {
                    let value = value.map_or(std::ptr::null_mut(), |v| self.pool().copy_text(v));
                    // SAFETY: live; modules set this field on the request's own thread.
                    unsafe { (*self.as_ptr()).$field = value };
                }
            )?
        )*}
    };
}

text_fields! {
    /// The request line.
    the_request = the_request;
    /// `HTTP/1.1`.
    protocol = protocol;
    /// The host of the request, without its port.
    hostname = hostname;
    /// The reason phrase with its number.
    status_line / set_status_line = status_line;
    /// `GET`.
    method = method;
    /// The path, unescaped.
    uri / set_uri = uri;
    /// The request target as it came.
    unparsed_uri = unparsed_uri;
    /// The file it was mapped to.
    filename / set_filename = filename;
    /// The file with symbolic links and case resolved.
    canonical_filename / set_canonical_filename = canonical_filename;
    /// What follows the file in the path.
    path_info / set_path_info = path_info;
    /// The query string, as it came.
    args / set_args = args;
    /// The authenticated user.
    user / set_user = user;
    /// How the user was authenticated.
    auth_type / set_auth_type = ap_auth_type;
    /// The name of the content handler.
    handler / set_handler = handler;
    /// The media type of the response.
    content_type = content_type;
    /// The coding of the response.
    content_encoding = content_encoding;
    /// The peer's address, or what mod_remoteip found.
    useragent_ip = useragent_ip;
    /// The `Range` header, if the response is one.
    range = range;
}

impl Request {
    /// # Safety
    /// `raw` points to a live request for all of `'a`.
    pub(super) unsafe fn from_raw<'a>(raw: *mut ffi::request_rec) -> &'a Self {
        // SAFETY: repr(transparent); liveness is the caller's promise.
        unsafe { &*raw.cast() }
    }

    pub(super) fn as_ptr(&self) -> *mut ffi::request_rec {
        self.0.get()
    }

    pub(super) fn raw(&self) -> &ffi::request_rec {
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

    /// Whether it is a subrequest.
    pub fn is_subrequest(&self) -> bool {
        !self.raw().main.is_null()
    }

    /// `HEAD`.
    pub fn is_header_only(&self) -> bool {
        self.raw().header_only != 0
    }

    /// Whether the response has no body: HEAD, 204, 304.
    pub fn has_no_body(&self) -> bool {
        self.is_header_only() || matches!(self.raw().status, 204 | 304)
    }

    /// 1001 for HTTP/1.1.
    pub fn proto_num(&self) -> i32 {
        self.raw().proto_num
    }

    /// httpd's number for the method.
    pub fn method_number(&self) -> i32 {
        self.raw().method_number
    }

    /// When it arrived, in microseconds since 1970.
    pub fn request_time(&self) -> i64 {
        self.raw().request_time
    }

    /// The response's status.
    pub fn status(&self) -> i32 {
        self.raw().status
    }

    /// Sets the response's status.
    pub fn set_status(&self, status: i32) {
        // SAFETY: a plain field that modules set on the request's own thread.
        unsafe { (*self.as_ptr()).status = status };
    }

    /// Bytes of body that went to the client's side.
    pub fn bytes_sent(&self) -> i64 {
        self.raw().bytes_sent
    }

    /// Whether some of the response went out, so that its status stands.
    pub fn has_started(&self) -> bool {
        self.has_sent() || self.has_ended()
    }

    /// Whether some of the response has passed all of its filters. (Its end counts as sent as soon
    /// as the handler has sent it; filters may still hold, or replace, all of it.)
    pub(super) fn has_sent(&self) -> bool {
        let r = self.raw();
        r.bytes_sent > 0 || r.sent_bodyct != 0
    }

    /// Whether the end of the response was sent.
    pub fn has_ended(&self) -> bool {
        self.raw().eos_sent != 0
    }

    /// Whether the response is complete, be it that of a page which this request was redirected to.
    pub fn is_answered(&self) -> bool {
        std::iter::successors(Some(self), |r| r.next()).any(Self::has_ended)
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

    /// Notes from module to module.
    pub fn notes(&self) -> &Table {
        // SAFETY: as above.
        unsafe { Table::from_raw(self.raw().notes) }
    }

    /// Sets the response's media type; httpd does not choose a handler by it.
    pub fn set_content_type(&self, value: Option<&[u8]>) {
        let value = value.map_or(std::ptr::null_mut(), |v| self.pool().copy_text(v));
        // SAFETY: live; the copy lives in the request's pool.
        unsafe { ffi::ap_set_content_type(self.as_ptr(), value) };
    }

    /// Sets the response's coding.
    pub fn set_content_encoding(&self, value: Option<&[u8]>) {
        let value = value.map_or(std::ptr::null_mut(), |v| self.pool().copy_text(v));
        // SAFETY: a plain field that modules set on the request's own thread.
        unsafe { (*self.as_ptr()).content_encoding = value };
    }

    /// The languages of the response.
    pub fn content_languages(&self) -> Vec<&[u8]> {
        // SAFETY: null, or an array of strings in the request's pool.
        let Some(array) = (unsafe { self.raw().content_languages.as_ref() }) else {
            return Vec::new();
        };
        let items = array.elts.cast::<*const c_char>();
        (0..usize::try_from(array.nelts).unwrap_or(0))
            .filter_map(|index| {
                // SAFETY: below the number of elements.
                let item = unsafe { items.add(index) };
                // SAFETY: as above.
                let item = unsafe { *item };
                // SAFETY: NUL-terminated, in the request's pool.
                unsafe { c_bytes(item) }
            })
            .collect()
    }

    /// Sets the languages of the response.
    pub fn set_content_languages(&self, languages: &[Vec<u8>]) {
        let pool = self.pool().as_ptr();
        let size = size_of::<*const c_char>() as i32;
        // SAFETY: a live pool; APR aborts rather than answer null.
        let array = unsafe { ffi::apr_array_make(pool, languages.len().max(1) as i32, size) };
        for language in languages {
            // SAFETY: the array grows by one element of `size` bytes.
            let place = unsafe { ffi::apr_array_push(array) }.cast::<*mut c_char>();
            // SAFETY: the place for that element.
            unsafe { place.write(self.pool().copy_text(language)) };
        }
        // SAFETY: a plain field that modules set on the request's own thread.
        unsafe { (*self.as_ptr()).content_languages = array };
    }

    /// Sets `Content-Length`.
    pub fn set_content_length(&self, length: i64) {
        // SAFETY: live.
        unsafe { ffi::ap_set_content_length(self.as_ptr(), length) };
    }

    /// The file's kind (`apr_filetype_e`), size in bytes and time of change (microseconds).
    pub fn file_info(&self) -> (u32, i64, i64) {
        let info = &self.raw().finfo;
        (info.filetype, info.size, info.mtime)
    }

    /// Whether the conditions of the request (`If-None-Match` …) are met: `OK`, 304 or 412.
    pub fn meets_conditions(&self) -> Status {
        // SAFETY: live.
        Status(unsafe { ffi::ap_meets_conditions(self.as_ptr()) })
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

    /// Whether the client waits for `100 Continue` before it sends the body.
    pub fn expects_continue(&self) -> bool {
        self.raw().expecting_100 != 0
    }

    /// Sends a brigade through the request's output filters, and empties it.
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
        // SAFETY: the live chain of this request.
        Error::check(unsafe {
            ffi::ap_get_brigade(
                self.raw().input_filters,
                brigade.as_ptr(),
                ffi::AP_MODE_READBYTES,
                ffi::APR_BLOCK_READ,
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
    pub fn new_brigade(&self) -> Held {
        // SAFETY: it lives in the request's pool; our values for the request, which hold it, are
        // dropped before that pool is cleared.
        unsafe { Held::new(self.pool(), self.connection()) }
    }

    /// Our own value for this request, made when there is none yet.
    pub fn state<T: 'static>(&self, make: impl FnOnce() -> T) -> &T {
        super::hooks::state(self.raw().request_config, self.pool(), make)
    }

    /// Our own value for this request, if there is one.
    pub fn existing_state<T: 'static>(&self) -> Option<&T> {
        super::hooks::existing_state(self.raw().request_config)
    }
}
