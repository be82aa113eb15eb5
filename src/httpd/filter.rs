//! Filters: `ap_filter_t`, and the entry points that httpd calls.
//!
//! httpd tells a filter's function nothing about which registration it is called for: under
//! mod_filter `f->frec` is the harness's record. So each registered filter gets an entry point of
//! its own, a number that the compiler puts into the function.

use std::cell::UnsafeCell;
use std::ffi::{CStr, CString};

use super::hooks::{Module, guard};
use super::{Brigade, Connection, Error, Pool, Request, ffi};

/// How many filters a configuration may declare in each direction.
pub const ENTRY_POINTS: usize = 256;

/// Where a filter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Direction {
    /// On the way in: request bodies.
    Input,
    /// On the way out: responses.
    Output,
}

/// How a caller reads through an input filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Up to so many bytes.
    Bytes(usize),
    /// One line.
    Line,
    /// Up to so many bytes that stay unread.
    Peek(usize),
}

/// An `ap_filter_t`: one filter in the chain of one request or connection.
#[repr(transparent)]
pub struct Filter(UnsafeCell<ffi::ap_filter_t>);

impl Filter {
    /// # Safety
    /// `raw` points to a live filter for all of `'a`.
    unsafe fn from_raw<'a>(raw: *mut ffi::ap_filter_t) -> &'a Self {
        // SAFETY: repr(transparent); liveness is the caller's promise.
        unsafe { &*raw.cast() }
    }

    fn as_ptr(&self) -> *mut ffi::ap_filter_t {
        self.0.get()
    }

    fn raw(&self) -> &ffi::ap_filter_t {
        // SAFETY: live; plain fields, read on the thread that httpd calls the filter on.
        unsafe { &*self.as_ptr() }
    }

    /// The request it stands in; `None` for a filter of the connection.
    pub fn request(&self) -> Option<&Request> {
        let r = self.raw().r;
        // SAFETY: null, or the live request of this chain.
        (!r.is_null()).then(|| unsafe { Request::from_raw(r) })
    }

    /// The connection it stands in.
    pub fn connection(&self) -> &Connection {
        // SAFETY: set for all of a filter's life.
        unsafe { Connection::from_raw(self.raw().c) }
    }

    /// The pool of the request, or of the connection.
    pub fn pool(&self) -> &Pool {
        self.request()
            .map_or_else(|| self.connection().pool(), Request::pool)
    }

    /// Sends a brigade to the filter behind this one. The caller empties what is left of it.
    pub(super) fn pass(&self, brigade: &Brigade) -> Result<(), Error> {
        // SAFETY: the live chain; `next` stays valid even after this filter was removed.
        Error::check(unsafe { ffi::ap_pass_brigade(self.raw().next, brigade.as_ptr()) })
    }

    /// Reads from the filter below.
    pub(super) fn fetch(&self, brigade: &Brigade, mode: Mode, block: bool) -> Result<(), Error> {
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
        Error::check(unsafe {
            ffi::ap_get_brigade(self.raw().next, brigade.as_ptr(), mode, block, limit)
        })
    }

    /// A read of no bytes that does not wait.
    pub(super) fn fetch_nothing(&self, brigade: &Brigade) -> Result<(), Error> {
        let (mode, block) = (ffi::AP_MODE_READBYTES, ffi::APR_NONBLOCK_READ);
        // SAFETY: the live chain from this filter on.
        Error::check(unsafe {
            ffi::ap_get_brigade(self.as_ptr(), brigade.as_ptr(), mode, block, 0)
        })
    }

    /// Whether it was never called.
    pub(super) fn is_fresh(&self) -> bool {
        self.raw().ctx.is_null()
    }

    /// Takes it out of its chain: httpd does not call it again.
    pub(super) fn unlink(&self, direction: Direction) {
        match direction {
            // SAFETY: a live filter of this chain.
            Direction::Input => unsafe { ffi::ap_remove_input_filter(self.as_ptr()) },
            // SAFETY: as above.
            Direction::Output => unsafe { ffi::ap_remove_output_filter(self.as_ptr()) },
        }
    }

    /// Steps out of an output chain and hands on the brigade of this very call.
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

impl Request {
    /// The filter of httpd that finds the end of the request's body.
    pub(super) fn body_parser(&self) -> Option<&Filter> {
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

/// Registers entry point `slot` under `name` for requests' chains. For use while the configuration
/// is read.
pub fn register<M: Module>(direction: Direction, name: &str, slot: usize) {
    let Ok(name) = CString::new(name) else { return };
    let kind = ffi::AP_FTYPE_RESOURCE;
    match direction {
        // SAFETY: httpd copies the name; the entry points are static.
        Direction::Input => unsafe {
            ffi::ap_register_input_filter(
                name.as_ptr(),
                Some(Entries::<M>::INPUT[slot]),
                Some(start_input::<M>),
                kind,
            );
        },
        // SAFETY: as above.
        Direction::Output => unsafe {
            ffi::ap_register_output_filter(
                name.as_ptr(),
                Some(Entries::<M>::OUTPUT[slot]),
                None,
                kind,
            );
        },
    }
}

/// Whether some module has registered a filter of this name.
pub fn is_registered(direction: Direction, name: &CStr) -> bool {
    let handle = match direction {
        // SAFETY: a pure look-up by a NUL-terminated name.
        Direction::Input => unsafe { ffi::ap_get_input_filter_handle(name.as_ptr()) },
        // SAFETY: as above.
        Direction::Output => unsafe { ffi::ap_get_output_filter_handle(name.as_ptr()) },
    };
    !handle.is_null()
}

type Input = unsafe extern "C" fn(
    *mut ffi::ap_filter_t,
    *mut ffi::apr_bucket_brigade,
    ffi::ap_input_mode_t,
    ffi::apr_read_type_e,
    ffi::apr_off_t,
) -> ffi::apr_status_t;
type Output =
    unsafe extern "C" fn(*mut ffi::ap_filter_t, *mut ffi::apr_bucket_brigade) -> ffi::apr_status_t;

/// One function per slot, written out by the compiler.
struct Entries<M>(std::marker::PhantomData<M>);

/// `sixteen!(input, M, base)` is 16 instances of a generic function, in order.
macro_rules! entries {
    ($function:ident, $module:ident) => {
        entries!(@rows $function, $module,
            0x00 0x10 0x20 0x30 0x40 0x50 0x60 0x70 0x80 0x90 0xa0 0xb0 0xc0 0xd0 0xe0 0xf0)
    };
    (@rows $function:ident, $module:ident, $($row:literal)*) => {{
        const ROWS: usize = [$($row),*].len();
        let rows = [$([
            $function::<$module, { $row }>, $function::<$module, { $row + 1 }>,
            $function::<$module, { $row + 2 }>, $function::<$module, { $row + 3 }>,
            $function::<$module, { $row + 4 }>, $function::<$module, { $row + 5 }>,
            $function::<$module, { $row + 6 }>, $function::<$module, { $row + 7 }>,
            $function::<$module, { $row + 8 }>, $function::<$module, { $row + 9 }>,
            $function::<$module, { $row + 10 }>, $function::<$module, { $row + 11 }>,
            $function::<$module, { $row + 12 }>, $function::<$module, { $row + 13 }>,
            $function::<$module, { $row + 14 }>, $function::<$module, { $row + 15 }>,
        ]),*];
        let _: [(); ENTRY_POINTS] = [(); ROWS * 16];
        rows
    }};
}

impl<M: Module> Entries<M> {
    const INPUT: [Input; ENTRY_POINTS] = flatten::<Input>({
        let rows: [[Input; 16]; 16] = entries!(input, M);
        rows
    });
    const OUTPUT: [Output; ENTRY_POINTS] = flatten::<Output>({
        let rows: [[Output; 16]; 16] = entries!(output, M);
        rows
    });
}

const fn flatten<F: Copy>(rows: [[F; 16]; 16]) -> [F; ENTRY_POINTS] {
    let mut flat = [rows[0][0]; ENTRY_POINTS];
    let mut slot = 0;
    while slot < ENTRY_POINTS {
        flat[slot] = rows[slot / 16][slot % 16];
        slot += 1;
    }
    flat
}

unsafe extern "C" fn output<M: Module, const SLOT: usize>(
    f: *mut ffi::ap_filter_t,
    brigade: *mut ffi::apr_bucket_brigade,
) -> ffi::apr_status_t {
    // SAFETY: httpd calls with a live filter and brigade.
    let filter = unsafe { Filter::from_raw(f) };
    // SAFETY: as above.
    let brigade = unsafe { Brigade::from_raw(brigade) };
    let result = guard("an output filter", Err(Error::GENERAL), || {
        M::output_filter(filter, SLOT, brigade)
    });
    Error::code(result)
}

unsafe extern "C" fn input<M: Module, const SLOT: usize>(
    f: *mut ffi::ap_filter_t,
    brigade: *mut ffi::apr_bucket_brigade,
    mode: ffi::ap_input_mode_t,
    block: ffi::apr_read_type_e,
    limit: ffi::apr_off_t,
) -> ffi::apr_status_t {
    // SAFETY: httpd calls with a live filter.
    let filter = unsafe { Filter::from_raw(f) };
    let bytes = usize::try_from(limit).unwrap_or(0);
    let mode = match mode {
        ffi::AP_MODE_READBYTES => Mode::Bytes(bytes),
        ffi::AP_MODE_GETLINE => Mode::Line,
        ffi::AP_MODE_SPECULATIVE => Mode::Peek(bytes),
        // INIT, EATCRLF and EXHAUSTIVE are not about a body: none of our business.
        // SAFETY: the live chain, and the caller's own arguments.
        _ => return unsafe { ffi::ap_get_brigade(filter.raw().next, brigade, mode, block, limit) },
    };
    // SAFETY: httpd calls with a live brigade.
    let brigade = unsafe { Brigade::from_raw(brigade) };
    let block = block == ffi::APR_BLOCK_READ;
    let result = guard("an input filter", Err(Error::GENERAL), || {
        M::input_filter(filter, SLOT, brigade, mode, block)
    });
    Error::code(result)
}

unsafe extern "C" fn start_input<M: Module>(f: *mut ffi::ap_filter_t) -> i32 {
    // SAFETY: httpd calls with a live filter, before the request's handler.
    let filter = unsafe { Filter::from_raw(f) };
    guard("the start of an input filter", (), || {
        M::input_filter_starts(filter)
    });
    0
}
