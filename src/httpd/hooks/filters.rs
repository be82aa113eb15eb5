//! Entry points: the functions that httpd calls for filters.
//!
//! A filter's function cannot find out for which registration it is called: under mod_filter `f->frec` is the
//! record of mod_filter's filter. So each registered filter gets an entry point of its own, with a number that
//! the compiler puts into the function.

use std::ffi::{CStr, CString};

use super::Module;
use crate::filter_chain::{Direction, FilterType};
use crate::httpd::apr::brigade::Brigade;
use crate::httpd::ffi;
use crate::httpd::filter::calls_in_progress;
use crate::httpd::filter::entry_point;
use crate::httpd::filter::entry_point::{InputEntry, OutputEntry};
use crate::httpd::filter::{Filter, Mode, RUN_TIME_NAME, handle};
use crate::httpd::guard::guard;
use crate::httpd::log::Level;
use crate::httpd::status::Error;

/// How many filters a configuration may declare in each direction.
pub const ENTRY_POINTS: usize = 256;
/// The entry point of all filters that are registered at run time.
pub const RUN_TIME: usize = ENTRY_POINTS;
/// Registers entry point `slot` under `name`. Called while the configuration is read.
pub fn register<M: Module>(direction: Direction, name: &str, slot: usize, filter_type: FilterType) {
    let Ok(name) = CString::new(name) else { return };
    let raw_type = match filter_type {
        FilterType::Resource => ffi::AP_FTYPE_RESOURCE,
        FilterType::ContentSet => ffi::AP_FTYPE_CONTENT_SET,
        FilterType::Protocol => ffi::AP_FTYPE_PROTOCOL,
        FilterType::Transcode => ffi::AP_FTYPE_TRANSCODE,
        FilterType::Connection => ffi::AP_FTYPE_CONNECTION,
        FilterType::Network => ffi::AP_FTYPE_NETWORK,
    };
    match direction {
        // SAFETY: httpd copies the name; the entry points are static.
        Direction::Input => unsafe {
            ffi::ap_register_input_filter(
                name.as_ptr(),
                Some(Entries::<M>::INPUT[slot]),
                Some(Entries::<M>::START_INPUT[slot]),
                raw_type,
            );
        },
        // SAFETY: as above.
        Direction::Output => unsafe {
            ffi::ap_register_output_filter(
                name.as_ptr(),
                Some(Entries::<M>::OUTPUT[slot]),
                Some(Entries::<M>::START_OUTPUT[slot]),
                raw_type,
            );
        },
    }
}

/// Registers the filter that stands for all run-time registrations.
pub(in crate::httpd) fn register_run_time<M: Module>() {
    let name = RUN_TIME_NAME.to_string_lossy();
    register::<M>(Direction::Input, &name, RUN_TIME, FilterType::Resource);
    register::<M>(Direction::Output, &name, RUN_TIME, FilterType::Resource);
}

/// Whether some module has registered a filter of this name.
pub fn is_registered(direction: Direction, name: &CStr) -> bool {
    !handle(direction, name).is_null()
}

/// Whether `name` still stands for entry point `slot`: a module that was loaded later may have
/// registered the same name, and has it then.
pub fn is_ours<M: Module>(direction: Direction, name: &str, slot: usize) -> bool {
    let Ok(name) = CString::new(name) else {
        return false;
    };
    // SAFETY: null, or a record that lives as long as the configuration.
    let Some(record) = (unsafe { handle(direction, &name).as_ref() }) else {
        return false;
    };
    match direction {
        Direction::Input => {
            // SAFETY: an input filter's record has a function of this kind.
            let function = unsafe { record.filter_func.in_func };
            function.is_some_and(|f| f as usize == Entries::<M>::INPUT[slot] as usize)
        }
        Direction::Output => {
            // SAFETY: as above.
            let function = unsafe { record.filter_func.out_func };
            function.is_some_and(|f| f as usize == Entries::<M>::OUTPUT[slot] as usize)
        }
    }
}

type InputFunction = unsafe extern "C" fn(
    *mut ffi::ap_filter_t,
    *mut ffi::apr_bucket_brigade,
    ffi::ap_input_mode_t,
    ffi::apr_read_type_e,
    ffi::apr_off_t,
) -> ffi::apr_status_t;
type OutputFunction =
    unsafe extern "C" fn(*mut ffi::ap_filter_t, *mut ffi::apr_bucket_brigade) -> ffi::apr_status_t;

type Start = unsafe extern "C" fn(*mut ffi::ap_filter_t) -> i32;

/// The functions of one entry point.
struct Numbered<M, const SLOT: usize>(std::marker::PhantomData<M>);

impl<M: Module, const SLOT: usize> Numbered<M, SLOT> {
    const INPUT: InputFunction = entry_point::input::<Self>;
    const OUTPUT: OutputFunction = entry_point::output::<Self>;
    const START_INPUT: Start = start_input::<M, SLOT>;
    const START_OUTPUT: Start = start_output::<M, SLOT>;
}

/// One function per slot, written out by the compiler.
struct Entries<M>(std::marker::PhantomData<M>);

/// `entries!(INPUT, M)` is this function of 256 slots, in rows of 16.
macro_rules! entries {
    ($function:ident, $module:ident) => {
        entries!(@rows $function, $module,
            0x00 0x10 0x20 0x30 0x40 0x50 0x60 0x70 0x80 0x90 0xa0 0xb0 0xc0 0xd0 0xe0 0xf0)
    };
    (@rows $function:ident, $module:ident, $($row:literal)*) => {{
        const ROWS: usize = [$($row),*].len();
        let rows = [$([
            Numbered::<$module, { $row }>::$function, Numbered::<$module, { $row + 1 }>::$function,
            Numbered::<$module, { $row + 2 }>::$function, Numbered::<$module, { $row + 3 }>::$function,
            Numbered::<$module, { $row + 4 }>::$function, Numbered::<$module, { $row + 5 }>::$function,
            Numbered::<$module, { $row + 6 }>::$function, Numbered::<$module, { $row + 7 }>::$function,
            Numbered::<$module, { $row + 8 }>::$function, Numbered::<$module, { $row + 9 }>::$function,
            Numbered::<$module, { $row + 10 }>::$function, Numbered::<$module, { $row + 11 }>::$function,
            Numbered::<$module, { $row + 12 }>::$function, Numbered::<$module, { $row + 13 }>::$function,
            Numbered::<$module, { $row + 14 }>::$function, Numbered::<$module, { $row + 15 }>::$function,
        ]),*];
        let _: [(); ENTRY_POINTS] = [(); ROWS * 16];
        rows
    }};
}

impl<M: Module> Entries<M> {
    const INPUT: [InputFunction; RUN_TIME + 1] = {
        let rows: [[InputFunction; 16]; 16] = entries!(INPUT, M);
        flatten::<InputFunction>(rows, Numbered::<M, RUN_TIME>::INPUT)
    };
    const OUTPUT: [OutputFunction; RUN_TIME + 1] = {
        let rows: [[OutputFunction; 16]; 16] = entries!(OUTPUT, M);
        flatten::<OutputFunction>(rows, Numbered::<M, RUN_TIME>::OUTPUT)
    };
    const START_INPUT: [Start; RUN_TIME + 1] = {
        let rows: [[Start; 16]; 16] = entries!(START_INPUT, M);
        flatten::<Start>(rows, Numbered::<M, RUN_TIME>::START_INPUT)
    };
    const START_OUTPUT: [Start; RUN_TIME + 1] = {
        let rows: [[Start; 16]; 16] = entries!(START_OUTPUT, M);
        flatten::<Start>(rows, Numbered::<M, RUN_TIME>::START_OUTPUT)
    };
}

const fn flatten<F: Copy>(rows: [[F; 16]; 16], run_time: F) -> [F; RUN_TIME + 1] {
    let mut flat = [run_time; RUN_TIME + 1];
    let mut slot = 0;
    while slot < ENTRY_POINTS {
        flat[slot] = rows[slot / 16][slot % 16];
        slot += 1;
    }
    flat
}

impl<M: Module, const SLOT: usize> OutputEntry for Numbered<M, SLOT> {
    const WHAT: &'static str = "an output filter";

    fn take(filter: &Filter, brigade: &Brigade) -> Result<(), Error> {
        let Some(_call) = calls_in_progress::begin(Direction::Output, filter) else {
            brigade.clear();
            return refuse(filter);
        };
        M::output_filter(filter, SLOT, brigade)
    }
}

impl<M: Module, const SLOT: usize> InputEntry for Numbered<M, SLOT> {
    const WHAT: &'static str = "an input filter";

    fn give(filter: &Filter, target: &Brigade, mode: Mode, block: bool) -> Result<(), Error> {
        let Some(_call) = calls_in_progress::begin(Direction::Input, filter) else {
            return refuse(filter);
        };
        M::input_filter(filter, SLOT, target, mode, block)
    }
}

/// Refuses the call of a filter that is being called, by another module: the filter's code, which is in the middle
/// of the first call, cannot filter the second.
fn refuse(filter: &Filter) -> Result<(), Error> {
    let text = format!(
        "filter {} is called by another module during a call of it: the call is refused",
        filter.name()
    );
    match filter.request() {
        Some(r) => r.log(Level::Error, &text),
        None => filter.connection().log(Level::Error, &text),
    }
    Err(Error::GENERAL)
}

unsafe extern "C" fn start_input<M: Module, const SLOT: usize>(f: *mut ffi::ap_filter_t) -> i32 {
    // SAFETY: httpd calls with a live filter, before the request's handler.
    let filter = unsafe { Filter::from_raw(f) };
    guard("the start of an input filter", (), || {
        M::input_filter_starts(filter, SLOT)
    });
    0
}

unsafe extern "C" fn start_output<M: Module, const SLOT: usize>(f: *mut ffi::ap_filter_t) -> i32 {
    // SAFETY: httpd calls with a live filter, before the request's handler.
    let filter = unsafe { Filter::from_raw(f) };
    // SAFETY: a live filter has a live record.
    let record = unsafe { &*filter.raw().frec };
    // SAFETY: that of an output filter, ours or mod_filter's.
    let function = unsafe { record.filter_func.out_func };
    let direct = function.is_some_and(|f| f as usize == Entries::<M>::OUTPUT[SLOT] as usize);
    guard("the start of an output filter", (), || {
        M::output_filter_starts(filter, SLOT, direct)
    });
    0
}
