//! The hooks about connections and requests: where a module stands in them, and the functions that httpd calls.

use std::ffi::{CStr, c_char, c_int};

use super::Module;
use super::connections::process_connection;
use crate::hook_order::Order;
use crate::httpd::apr::pool::Pool;
use crate::httpd::ffi;
use crate::httpd::guard::guard;
use crate::httpd::request::Request;
use crate::httpd::status::Status;

/// A hook about a connection or request, by its name in httpd.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook {
    /// `process_connection`
    ProcessConnection,
    /// `post_read_request`, before all modules that log.
    RequestId,
    /// `post_read_request`
    PostReadRequest,
    /// `translate_name`
    TranslateName,
    /// `translate_name`, behind the modules that give paths to files and to other servers.
    Mount,
    /// `map_to_storage`
    MapToStorage,
    /// `post_perdir_config`
    PostPerdirConfig,
    /// `header_parser`
    HeaderParser,
    /// `access_checker`
    AccessChecker,
    /// `access_checker_ex`
    AccessCheckerEx,
    /// `check_user_id`
    CheckUserId,
    /// `auth_checker`
    AuthChecker,
    /// `type_checker`
    TypeChecker,
    /// `fixups`, right behind the types.
    FirstFixups,
    /// `fixups`
    Fixups,
    /// `handler`, before all modules.
    FirstHandler,
    /// `handler`
    Handler,
    /// `log_transaction`
    LogTransaction,
}

impl Order {
    pub(in crate::httpd) fn number(self) -> c_int {
        match self {
            Self::ReallyFirst => ffi::APR_HOOK_REALLY_FIRST as c_int,
            Self::First => ffi::APR_HOOK_FIRST as c_int,
            Self::Middle => ffi::APR_HOOK_MIDDLE as c_int,
        }
    }
}

/// A module's place in a hook.
pub struct Registration {
    /// The hook.
    pub hook: Hook,
    /// The order among all modules.
    pub order: Order,
    /// Modules that are asked before this one.
    pub after: &'static [&'static CStr],
    /// Modules that are asked after this one.
    pub before: &'static [&'static CStr],
}

/// A null-terminated array of modules' names, for httpd's order of hooks. It lives as long as the pool.
pub(in crate::httpd) fn names(pool: &Pool, names: &[&'static CStr]) -> *const *const c_char {
    let names = names.iter().map(|name| name.as_ptr());
    let list: Vec<*const c_char> = names.chain(Some(std::ptr::null())).collect();
    pool.own(list).as_ptr()
}

/// The functions that httpd calls, and their registration. A panic has the effect of an exception:
/// 500, or a cut response when something of it is out.
macro_rules! request_hooks {
    ($($name:ident = $hook:ident by $register:ident;)*) => {
        $(
            unsafe extern "C" fn $name<M: Module>(r: *mut ffi::request_rec) -> c_int {
                // SAFETY: httpd calls with a live request.
                let r = unsafe { Request::from_raw(r) };
                let bad = Status::INTERNAL_SERVER_ERROR;
                let status = guard(stringify!($name), bad, || M::request(r, Hook::$hook));
                if status != bad {
                    return status.0;
                }
                guard("the cut of a response", bad, || match r.has_started() || r.is_answered() {
                    true => r.cut_response(&r.connection().new_brigade()),
                    false => bad,
                })
                .0
            }
        )*

        pub(in crate::httpd) fn register<M: Module>(pool: &Pool) {
            for place in M::hooks() {
                let (after, before) = (names(pool, place.after), names(pool, place.before));
                let order = place.order.number();
                match place.hook {
                    // SAFETY: called while httpd collects hooks; the lists live as long as it needs them.
                    Hook::ProcessConnection => unsafe {
                        ffi::ap_hook_process_connection(
                            Some(process_connection::<M>), after, before, order,
                        );
                    },
                    $(
                        // SAFETY: as above.
                        Hook::$hook => unsafe { ffi::$register(Some($name::<M>), after, before, order) },
                    )*
                }
            }
        }
    };
}

request_hooks! {
    request_id = RequestId by ap_hook_post_read_request;
    post_read_request = PostReadRequest by ap_hook_post_read_request;
    translate_name = TranslateName by ap_hook_translate_name;
    mount = Mount by ap_hook_translate_name;
    map_to_storage = MapToStorage by ap_hook_map_to_storage;
    post_perdir_config = PostPerdirConfig by ap_hook_post_perdir_config;
    header_parser = HeaderParser by ap_hook_header_parser;
    access_checker = AccessChecker by ap_hook_access_checker;
    access_checker_ex = AccessCheckerEx by ap_hook_access_checker_ex;
    check_user_id = CheckUserId by ap_hook_check_user_id;
    auth_checker = AuthChecker by ap_hook_auth_checker;
    type_checker = TypeChecker by ap_hook_type_checker;
    first_fixups = FirstFixups by ap_hook_fixups;
    fixups = Fixups by ap_hook_fixups;
    first_handler = FirstHandler by ap_hook_handler;
    handler = Handler by ap_hook_handler;
    log_transaction = LogTransaction by ap_hook_log_transaction;
}
