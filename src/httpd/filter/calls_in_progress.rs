//! The calls of our filters, and of our SSI elements, that are in progress on this thread.
//!
//! httpd's filters are not reentrant: while a filter passes a brigade on, its context and its
//! brigades are in use. Python code that such a call runs must therefore not write to the beginning
//! of the chain that the call is a part of, nor read through it. The code that writes or reads for Python
//! asks here first.
//!
//! httpd calls the filters of one chain on one thread at a time, so a chain can be entered again only
//! on the thread of the call: the record is the thread's own.

use std::cell::RefCell;

use super::Filter;
use crate::filter_chain::Direction;
use crate::httpd::connection::Connection;
use crate::httpd::ffi;
use crate::httpd::request::Request;

thread_local! {
    static IN_PROGRESS: RefCell<Vec<Entered>> = const { RefCell::new(Vec::new()) };
}

/// A filter that is being called.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Entered {
    direction: Direction,
    filter: *mut ffi::ap_filter_t,
    /// The request it was called for; null for one of the connection.
    request: *mut ffi::request_rec,
}

/// A call in progress; it ends when this is dropped.
pub(in crate::httpd) struct FilterCall(());

/// A call of this filter begins. `None`: the same filter is being called already.
pub(in crate::httpd) fn begin(direction: Direction, filter: &Filter) -> Option<FilterCall> {
    let entered = Entered {
        direction,
        filter: filter.as_ptr(),
        request: filter.raw().r,
    };
    IN_PROGRESS.with_borrow_mut(|calls| {
        let same = |call: &Entered| call.direction == direction && call.filter == entered.filter;
        if calls.iter().any(same) {
            return None;
        }
        calls.push(entered);
        Some(FilterCall(()))
    })
}

impl Drop for FilterCall {
    fn drop(&mut self) {
        // Calls end in the reverse order of their beginnings, as C functions return.
        IN_PROGRESS.with_borrow_mut(Vec::pop);
    }
}

/// Whether a filter of the chain that begins with `first` is being called, or one for `request`.
fn is_entered(
    direction: Direction,
    first: *mut ffi::ap_filter_t,
    request: Option<*mut ffi::request_rec>,
) -> bool {
    IN_PROGRESS.with_borrow(|calls| {
        let calls = || calls.iter().filter(|call| call.direction == direction);
        if calls().next().is_none() {
            return false;
        }
        if calls().any(|call| Some(call.request) == request) {
            return true;
        }
        let mut at = first;
        // SAFETY: null at the end of the chain, or a filter that lives as long as its request or
        // connection; httpd changes the chain on this thread only.
        while let Some(filter) = unsafe { at.as_ref() } {
            if calls().any(|call| call.filter == at) {
                return true;
            }
            at = filter.next;
        }
        false
    })
}

impl Request {
    /// Whether what is written to this request would enter an output filter that is being called.
    pub fn is_being_written(&self) -> bool {
        let first = self.raw().output_filters;
        is_entered(Direction::Output, first, Some(self.as_ptr()))
    }

    /// Whether reading the body of this request would enter an input filter that is being called.
    pub fn is_being_read(&self) -> bool {
        let first = self.raw().input_filters;
        is_entered(Direction::Input, first, Some(self.as_ptr()))
    }
}

impl Connection {
    /// Whether a filter of this connection is being called, in either direction.
    pub fn is_being_filtered(&self) -> bool {
        let raw = self.raw();
        is_entered(Direction::Output, raw.output_filters, None)
            || is_entered(Direction::Input, raw.input_filters, None)
    }
}

impl Filter {
    /// Whether an output filter behind this one is being called.
    pub fn is_passing(&self) -> bool {
        is_entered(Direction::Output, self.raw().next, None)
    }
}
