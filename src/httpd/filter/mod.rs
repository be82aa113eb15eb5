//! Filters: `ap_filter_t`.

pub(in crate::httpd) mod before_headers;
pub(in crate::httpd) mod body_length;
pub(in crate::httpd) mod byte_range;
pub(in crate::httpd) mod calls_in_progress;
pub mod content_length;
pub(in crate::httpd) mod decoded_body;
pub(in crate::httpd) mod entry_point;
pub mod file;
pub mod flush_gate;
pub mod inflater;
pub mod input;
pub mod joined;
pub(in crate::httpd) mod known_record;
pub(in crate::httpd) mod native;
pub(in crate::httpd) mod not_modified;
pub mod output;
pub(in crate::httpd) mod output_errors;
pub(in crate::httpd) mod peeked;
pub(in crate::httpd) mod queue;
pub(in crate::httpd) mod range_cut;
pub(in crate::httpd) mod recoding;
pub(in crate::httpd) mod response_framing;
pub mod response_head;
pub mod rollback;
pub(in crate::httpd) mod spool;
pub mod stream;
pub mod stream_buckets;
pub(in crate::httpd) mod stream_read;
pub(in crate::httpd) mod stream_write;

use super::apr::brigade::Brigade;
use super::apr::pool::Pool;
use super::connection::Connection;
use super::ffi;
use super::request::Request;
use super::status::Error;
use crate::filter_chain::Direction;
use std::cell::{Cell, UnsafeCell};
use std::ffi::{CStr, CString};
use std::ptr::null_mut;
use std::time::Instant;

/// Filters that httpd's modules put into chains themselves, most of them with a context that they use without
/// a check: without it the child crashes, and a second filter breaks the framing of responses or requests.
const HTTPDS_OWN: [&[u8]; 15] = [
    b"BYTERANGE",
    b"CACHE_INVALIDATE",
    b"CACHE_OUT",
    b"CACHE_OUT_SUBREQ",
    b"CACHE_REMOVE_URL",
    b"CACHE_SAVE",
    b"CACHE_SAVE_SUBREQ",
    b"CHUNK",
    b"HTTP_HEADER",
    b"HTTP_IN",
    b"HTTP_OUTERROR",
    b"OLD_WRITE",
    b"PROXY_SEND_DIR",
    b"SSL/TLS Buffer",
    b"SUBREQ_CORE",
];
/// The filter of httpd's own that programs for mod_python 3 add, as its manual shows. It is in the chain of each response.
const IN_EACH_CHAIN: &[u8] = b"CONTENT_LENGTH";
/// The prefixes of further names, which differ from one version of httpd to the next.
const HTTPDS_OWN_BEGIN: [&[u8]; 2] = [b"H2_", b"HTTP1_"];

/// The name under which the filter of all run-time registrations is registered.
pub(in crate::httpd) const RUN_TIME_NAME: &CStr = c"mod_python";

/// httpd's record of the filter of this name; null if no module has registered one.
pub(in crate::httpd) fn handle(direction: Direction, name: &CStr) -> *mut ffi::ap_filter_rec_t {
    match direction {
        // SAFETY: a pure look-up by a NUL-terminated name.
        Direction::Input => unsafe { ffi::ap_get_input_filter_handle(name.as_ptr()) },
        // SAFETY: as above.
        Direction::Output => unsafe { ffi::ap_get_output_filter_handle(name.as_ptr()) },
    }
}

/// The mode of a read through an input filter (`ap_input_mode_t`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// At most so many bytes (`AP_MODE_READBYTES`).
    Bytes(usize),
    /// One line (`AP_MODE_GETLINE`).
    Line,
    /// At most so many bytes, which stay unread (`AP_MODE_SPECULATIVE`).
    Peek(usize),
}

impl Mode {
    /// The mode of a read of at most `limit` bytes. `None` for INIT, EATCRLF and EXHAUSTIVE, which are not about a
    /// body, so the filter below answers them.
    pub(in crate::httpd) fn of(mode: ffi::ap_input_mode_t, limit: ffi::apr_off_t) -> Option<Self> {
        let bytes = usize::try_from(limit).unwrap_or(0);
        match mode {
            ffi::AP_MODE_READBYTES => Some(Self::Bytes(bytes)),
            ffi::AP_MODE_GETLINE => Some(Self::Line),
            ffi::AP_MODE_SPECULATIVE => Some(Self::Peek(bytes)),
            _ => None,
        }
    }
}

/// An `ap_filter_t`: one filter in the chain of one request or connection.
#[repr(transparent)]
pub struct Filter(UnsafeCell<ffi::ap_filter_t>);

impl Filter {
    /// # Safety
    /// `raw` points to a live filter for all of `'a`.
    pub(in crate::httpd) unsafe fn from_raw<'a>(raw: *mut ffi::ap_filter_t) -> &'a Self {
        // SAFETY: repr(transparent); liveness is the caller's promise.
        unsafe { &*raw.cast() }
    }

    pub(in crate::httpd) fn as_ptr(&self) -> *mut ffi::ap_filter_t {
        self.0.get()
    }

    pub(in crate::httpd) fn raw(&self) -> &ffi::ap_filter_t {
        // SAFETY: live; plain fields, read on the thread that httpd calls the filter on.
        unsafe { &*self.as_ptr() }
    }

    /// The request in whose chain it stands; `None` for a filter of the connection.
    pub fn request(&self) -> Option<&Request> {
        let r = self.raw().r;
        // SAFETY: null, or the live request of this chain.
        (!r.is_null()).then(|| unsafe { Request::from_raw(r) })
    }

    /// The connection of its chain.
    pub fn connection(&self) -> &Connection {
        // SAFETY: set for all of a filter's life.
        unsafe { Connection::from_raw(self.raw().c) }
    }

    /// The pool of the request, or of the connection.
    pub fn pool(&self) -> &Pool {
        self.request()
            .map_or_else(|| self.connection().pool(), Request::pool)
    }

    /// Whether it is one of the protocol's filters, which stay in the chain when an error page, or a redirected
    /// request, takes the response over.
    pub(in crate::httpd) fn is_of_protocol(&self) -> bool {
        // SAFETY: a filter's record lives as long as the configuration.
        let kind = unsafe { (*self.raw().frec).ftype };
        (ffi::AP_FTYPE_PROTOCOL..ffi::AP_FTYPE_CONNECTION).contains(&kind)
    }

    /// The name of its registration, or that of mod_filter's filter that calls it.
    pub(in crate::httpd) fn name(&self) -> String {
        // SAFETY: a filter's record lives as long as the configuration.
        let name = unsafe { (*self.raw().frec).name };
        // SAFETY: NUL-terminated.
        let name = unsafe { crate::httpd::cstr::c_bytes(name) };
        String::from_utf8_lossy(name.unwrap_or_default()).into_owned()
    }

    /// Sends a brigade to the next filter. The caller empties what is left of it. May wait for the client.
    pub fn pass(&self, brigade: &Brigade) -> Result<(), Error> {
        // SAFETY: the live chain; `next` stays valid even after this filter was removed.
        let pass = || unsafe { ffi::ap_pass_brigade(self.raw().next, brigade.as_ptr()) };
        Error::check(waiting(pass))
    }

    /// Reads from the filter below.
    pub(in crate::httpd) fn fetch(
        &self,
        brigade: &Brigade,
        mode: Mode,
        block: bool,
    ) -> Result<(), Error> {
        let (mode, limit) = match mode {
            Mode::Bytes(limit) => (ffi::AP_MODE_READBYTES, limit),
            Mode::Line => (ffi::AP_MODE_GETLINE, 0),
            Mode::Peek(limit) => (ffi::AP_MODE_SPECULATIVE, limit),
        };
        let block = if block {
            ffi::APR_BLOCK_READ
        } else {
            ffi::APR_NONBLOCK_READ
        };
        let limit = limit as ffi::apr_off_t;
        // SAFETY: the live chain.
        let get = || unsafe {
            ffi::ap_get_brigade(self.raw().next, brigade.as_ptr(), mode, block, limit)
        };
        Error::check(waiting(get))
    }

    /// A read of no bytes that does not wait.
    pub(in crate::httpd) fn fetch_nothing(&self, brigade: &Brigade) -> Result<(), Error> {
        let (mode, block) = (ffi::AP_MODE_READBYTES, ffi::APR_NONBLOCK_READ);
        // SAFETY: the live chain from this filter on.
        Error::check(unsafe {
            ffi::ap_get_brigade(self.as_ptr(), brigade.as_ptr(), mode, block, 0)
        })
    }

    /// Whether it was never called.
    pub(in crate::httpd) fn is_fresh(&self) -> bool {
        self.raw().ctx.is_null()
    }

    /// Whether no other filter stands between this input filter and those of the protocol.
    pub fn is_lowest_of_body(&self) -> bool {
        let next = self.raw().next;
        self.request()
            .is_some_and(|r| r.raw().proto_input_filters == next)
    }

    /// Removes it from its chain: httpd does not call it again.
    pub fn unlink(&self, direction: Direction) {
        match direction {
            // SAFETY: a live filter of this chain.
            Direction::Input => unsafe { ffi::ap_remove_input_filter(self.as_ptr()) },
            // SAFETY: as above.
            Direction::Output => unsafe { ffi::ap_remove_output_filter(self.as_ptr()) },
        }
    }

    /// Removes it from its output chain, and sends the brigade of the current call to the next filter.
    pub fn step_out(&self, brigade: &Brigade) -> Result<(), Error> {
        self.unlink(Direction::Output);
        self.pass(brigade)
    }

    /// Our own value for this filter in this chain, if `keep` was called before.
    pub fn kept<T: 'static>(&self) -> Option<&T> {
        // SAFETY: `ctx` is null or what `keep` put there, of one type for all of our filters.
        unsafe { self.raw().ctx.cast::<T>().as_ref() }
    }

    /// Keeps a value for this filter; the pool of its request or connection owns it.
    pub fn keep<T: 'static>(&self, value: T) -> &T {
        let value = self.pool().own_first(value);
        // SAFETY: our own filter's field; mod_filter keeps it per provider.
        unsafe { (*self.as_ptr()).ctx = std::ptr::from_ref(value).cast_mut().cast() };
        value
    }
}

impl Connection {
    /// Adds the filter of this name to the connection's chain.
    pub fn add_filter(&self, direction: Direction, name: &str) {
        let Ok(name) = CString::new(name) else { return };
        let (handle, none) = (handle(direction, &name), null_mut());
        let c = self.as_ptr();
        match direction {
            // SAFETY: the live connection, and a record of this direction, or null.
            Direction::Input => unsafe {
                ffi::ap_add_input_filter_handle(handle, none, null_mut(), c);
            },
            // SAFETY: as above.
            Direction::Output => unsafe {
                ffi::ap_add_output_filter_handle(handle, none, null_mut(), c);
            },
        }
    }

    /// The filter of this name in the connection's own chain.
    pub fn filter(&self, direction: Direction, name: &str) -> Option<&Filter> {
        let name = CString::new(name).ok()?;
        let record = handle(direction, &name);
        let first = match direction {
            Direction::Input => self.raw().input_filters,
            Direction::Output => self.raw().output_filters,
        };
        // SAFETY: the chain of a live connection.
        let mut chain = unsafe { chain(first) };
        chain.find(|filter| filter.raw().frec == record && !record.is_null())
    }

    /// The output filters from the connection's first to its last.
    pub(in crate::httpd) fn output_chain(&self) -> impl Iterator<Item = &Filter> {
        // SAFETY: the chain of a live connection.
        unsafe { chain(self.raw().output_filters) }
    }
}

/// The filters of a chain.
///
/// # Safety
/// `at` is null or the first filter of a chain, whose filters live for all of `'a`.
unsafe fn chain<'a>(mut at: *mut ffi::ap_filter_t) -> impl Iterator<Item = &'a Filter> {
    std::iter::from_fn(move || {
        // SAFETY: null at the chain's end, or a filter of it.
        let filter = unsafe { at.as_ref() }?;
        let found = std::mem::replace(&mut at, filter.next);
        // SAFETY: as above.
        Some(unsafe { Filter::from_raw(found) })
    })
}

thread_local! {
    /// How many nanoseconds this thread has spent in the other filters of chains.
    static WAITED: Cell<u64> = const { Cell::new(0) };
}

/// How many nanoseconds this thread has spent in filters that our filters have called.
pub fn waited() -> u64 {
    WAITED.get()
}

/// Calls `f` and adds its time to `waited`. Calls within `f`, by other filters of ours, are not counted twice.
pub(in crate::httpd) fn waiting<R>(f: impl FnOnce() -> R) -> R {
    let (before, begin) = (WAITED.get(), Instant::now());
    let result = f();
    WAITED.set(before + begin.elapsed().as_nanos() as u64);
    result
}

impl Request {
    /// Adds the filter of run-time registrations to the request's chain.
    pub fn add_run_time_filter(&self, direction: Direction) -> Option<&Filter> {
        self.add_filter(direction, RUN_TIME_NAME.to_bytes())
    }

    /// Adds the filter of this name to the request's chain. `None`: no module has one.
    pub fn add_filter(&self, direction: Direction, name: &[u8]) -> Option<&Filter> {
        let name = CString::new(name).ok()?;
        let handle = handle(direction, &name);
        if handle.is_null() {
            return None;
        }
        let (r, c, context) = (self.as_ptr(), self.connection().as_ptr(), null_mut());
        let added = match direction {
            // SAFETY: the live request, and a record of this direction.
            Direction::Input => unsafe { ffi::ap_add_input_filter_handle(handle, context, r, c) },
            // SAFETY: as above.
            Direction::Output => unsafe { ffi::ap_add_output_filter_handle(handle, context, r, c) },
        };
        // SAFETY: null, or a filter that lives as long as the request.
        (!added.is_null()).then(|| unsafe { Filter::from_raw(added) })
    }

    /// The output filters from the request's own to the connection's last.
    pub(in crate::httpd) fn output_chain(&self) -> impl Iterator<Item = &Filter> {
        // SAFETY: the chain of a live request.
        unsafe { chain(self.raw().output_filters) }
    }

    /// Whether the filter of this name is in the chain of each response, so that there is nothing to add.
    pub fn always_has_filter(direction: Direction, name: &[u8]) -> bool {
        direction == Direction::Output && name.eq_ignore_ascii_case(IN_EACH_CHAIN)
    }

    /// Why a handler may not add the filter of this name to a request, as a sentence. `None`: it may, or there is no
    /// such filter.
    pub fn refuses_filter(direction: Direction, name: &[u8]) -> Option<&'static str> {
        let name = CString::new(name).ok()?;
        // SAFETY: null, or a record that lives as long as the configuration.
        let record = unsafe { handle(direction, &name).as_ref() }?;
        let is_named = |own: &&[u8]| name.to_bytes().eq_ignore_ascii_case(own);
        let is_prefixed = |own: &&[u8]| {
            let start = name.to_bytes().get(..own.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(own))
        };
        if HTTPDS_OWN.iter().any(is_named) || HTTPDS_OWN_BEGIN.iter().any(is_prefixed) {
            return Some("httpd adds it itself, with the context that it needs");
        }
        if record.ftype >= ffi::AP_FTYPE_CONNECTION {
            return Some("it is a filter of connections");
        }
        if name.as_c_str() == RUN_TIME_NAME {
            return Some(
                "it stands for filters of run time: register one, and add it by its own name",
            );
        }
        None
    }

    /// The filter of httpd that finds the end of the request's body.
    pub(in crate::httpd) fn body_parser(&self) -> Option<&Filter> {
        // SAFETY: a pure look-up by a static name.
        let parser = unsafe { ffi::ap_get_input_filter_handle(c"http_in".as_ptr()) };
        let mut at = self.raw().input_filters;
        loop {
            // SAFETY: null at the chain's end, or a filter that lives as long as the request.
            let filter = unsafe { at.as_ref() }?;
            if filter.frec == parser {
                // SAFETY: as above.
                return Some(unsafe { Filter::from_raw(at) });
            }
            at = filter.next;
        }
    }
}
