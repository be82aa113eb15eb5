//! The status with which a function of `Require python` or `PythonAuthProvider` refuses a request.
//!
//! A provider of httpd's can only say that it has failed, of which mod_authz_core and the modules of authentication
//! make 500, or let the next module try, and no hook comes behind theirs. So their functions in httpd's lists of hooks
//! are replaced by functions that call them, and give the provider's status in place of their answer.
//!
//! httpd makes its lists anew for each configuration that it reads, with the functions as their modules register them,
//! wherever these lie in memory then. So each list is changed once, and what is called is always of the same
//! configuration. Modules that are not loaded, or have no such function, are passed over.

use std::ffi::{CStr, CString, c_int};
use std::mem::transmute;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};

use crate::httpd::ffi;
use crate::httpd::guard::guard;
use crate::httpd::request::Request;
use crate::httpd::request::hook_list::replace;
use crate::httpd::status::Status;

/// The note with the status of a provider.
const REFUSAL: &CStr = c"mod_python.refusal";

type HookFunction = unsafe extern "C" fn(*mut ffi::request_rec) -> c_int;

/// Has httpd answer with a status, for a provider that says it has failed.
pub(super) fn refuse(r: &Request, status: Status) {
    if let Ok(number) = CString::new(status.0.to_string()) {
        r.notes().set(REFUSAL, &number);
    }
}

/// The functions of httpd's modules, and those that take their places.
macro_rules! replaced {
    ($($name:ident = $file:literal, $number:literal in $hooks:ident;)*) => {
        $(
            unsafe extern "C" fn $name(r: *mut ffi::request_rec) -> c_int {
                let original = replaced_functions::$name.load(Ordering::Relaxed);
                // SAFETY: httpd calls with a live request; `install` has put a function of httpd's there.
                guard(stringify!($name), Status::INTERNAL_SERVER_ERROR, || unsafe { answer(original, r) }).0
            }
        )*

        #[expect(non_upper_case_globals, reason = "each has the name of its function")]
        mod replaced_functions {
            use super::{AtomicPtr, null_mut};
            // Written in the parent, before there are children.
            $(pub(super) static $name: AtomicPtr<()> = AtomicPtr::new(null_mut());)*
        }

        /// Replaces the functions, once httpd has sorted its lists of hooks. Called in `post_config`.
        pub fn install() {
            $(
                // SAFETY: a look at a variable of httpd's.
                let hooks = unsafe { ffi::$hooks() };
                // SAFETY: that hook's functions; one thread is there, and no request.
                if let Some(original) = unsafe { replace::<HookFunction>(hooks, $file, $number, $name) } {
                    replaced_functions::$name.store(original as *mut (), Ordering::Relaxed);
                }
            )*
        }
    };
}

// The number counts the functions of one module in one hook.
replaced! {
    without_user = b"mod_authz_core.c", 0 in ap_hook_get_access_checker_ex;
    with_user = b"mod_authz_core.c", 0 in ap_hook_get_auth_checker;
    basic = b"mod_auth_basic.c", 0 in ap_hook_get_check_user_id;
    digest = b"mod_auth_digest.c", 0 in ap_hook_get_check_user_id;
    form = b"mod_auth_form.c", 0 in ap_hook_get_check_user_id;
    // One of them is the handler of logins, which asks for the password, too.
    form_handler = b"mod_auth_form.c", 0 in ap_hook_get_handler;
    second_form_handler = b"mod_auth_form.c", 1 in ap_hook_get_handler;
    third_form_handler = b"mod_auth_form.c", 2 in ap_hook_get_handler;
}

/// Calls a function that was replaced, and gives the status of a provider that has refused.
///
/// # Safety
/// A live request, and a function of httpd's for it, or null.
unsafe fn answer(original: *mut (), r: *mut ffi::request_rec) -> Status {
    if original.is_null() {
        return Status::INTERNAL_SERVER_ERROR; // it is not in the list then: nobody is let in by a fault
    }
    // SAFETY: the caller's promise.
    let original = unsafe { transmute::<*mut (), HookFunction>(original) };
    // SAFETY: as above.
    let request = unsafe { Request::from_raw(r) };
    // What another module has made nothing of, in an earlier hook, is not the answer of this one.
    request.notes().unset(REFUSAL);
    // SAFETY: called as httpd would have.
    let status = Status(unsafe { original(r) });
    refusal(request).unwrap_or(status)
}

fn refusal(r: &Request) -> Option<Status> {
    let number = r.notes().get(REFUSAL)?;
    let status: c_int = std::str::from_utf8(number).ok()?.parse().ok()?;
    r.notes().unset(REFUSAL);
    if r.is_answered() {
        // httpd has answered while the body was read.
        return Some(Status::DONE);
    }
    if Status(status) == Status::UNAUTHORIZED {
        r.note_auth_failure();
    }
    Some(Status(status))
}
