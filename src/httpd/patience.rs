//! Patience: the event MPM closes a parked connection after a `Timeout`, without a word to who
//! serves it. Other protocols have time-outs of their own, and those who serve them want to answer.
//!
//! Moving the connection to its virtual host's queue (`ap_switch_protocol`) makes that the right
//! `Timeout`, but not more: the MPM counts from when it parked the connection. One that only talks
//! (a clock, a chat that its peer listens to) is stepped by its deadlines and never comes back to
//! the MPM, so it would be closed in the midst of its work. That is the way where the MPM is not
//! as expected.
//!
//! The MPM keeps a queue per `Timeout` of its servers. So it gets one more server, that nobody else
//! sees and no request can reach, with a very long one; our connections wait in that queue, and
//! end when we say so.

use std::ffi::{CStr, c_char, c_int};
use std::ptr::{NonNull, null_mut};

use super::hook_list::functions_of;
use super::{Connection, Pool, Server, Status, c_bytes, ffi};

/// Under which the configuration's pool keeps the server.
const KEY: &CStr = c"mod_python.patience";
/// What our connections speak, as far as the MPM is concerned.
const PROTOCOL: &CStr = c"mod_python";
/// Two weeks, in microseconds: more than 24 days would be no time that poll(2) takes.
const LONG: ffi::apr_interval_time_t = 14 * 24 * 3600 * 1_000_000;

/// The server with the long `Timeout`, if the MPM has taken it.
struct Patient(Option<NonNull<ffi::server_rec>>);

type PostConfig = unsafe extern "C" fn(
    *mut ffi::apr_pool_t,
    *mut ffi::apr_pool_t,
    *mut ffi::apr_pool_t,
    *mut ffi::server_rec,
) -> c_int;

/// The hook in which the event MPM makes its queues.
fn queue_maker() -> Option<PostConfig> {
    // SAFETY: a look at a variable of httpd's.
    let hooks = unsafe { ffi::ap_hook_get_post_config() };
    // SAFETY: that hook's functions.
    let found = unsafe { functions_of::<PostConfig>(hooks, &[b"event.c"]) };
    found.first().copied()
}

/// Once all else is configured: has the MPM make its queues again, with ours among them.
pub(super) unsafe extern "C" fn prepare(
    configuration: *mut ffi::apr_pool_t,
    log: *mut ffi::apr_pool_t,
    temporary: *mut ffi::apr_pool_t,
    main: *mut ffi::server_rec,
) -> c_int {
    // SAFETY: httpd calls with a live pool.
    let pool = unsafe { Pool::from_raw(configuration) };
    let patient = queue_maker().and_then(|make| {
        let size = size_of::<ffi::server_rec>();
        // SAFETY: a live pool; memory as long-lived as the configuration.
        let server: *mut ffi::server_rec = unsafe { ffi::apr_palloc(configuration, size) }.cast();
        // SAFETY: all fields are numbers and pointers.
        let mut fields: ffi::server_rec = unsafe { std::mem::zeroed() };
        // SAFETY: as above; an empty vector with room for every module.
        fields.module_config = unsafe { ffi::ap_create_conn_config(configuration) };
        fields.timeout = LONG;
        // SAFETY: the live main server.
        fields.keep_alive_timeout = unsafe { (*main).keep_alive_timeout };
        // SAFETY: fresh memory of the right size.
        unsafe { server.write(fields) };
        let mut last = main;
        // SAFETY: a live server of httpd's list, which ends with null.
        while let Some(next) = NonNull::new(unsafe { (*last).next }) {
            last = next.as_ptr();
        }
        // SAFETY: the end of the list; httpd configures itself on one thread.
        unsafe { (*last).next = server };
        // SAFETY: as httpd called it a moment ago, with the same arguments.
        let made = unsafe { make(configuration, log, temporary, main) };
        // SAFETY: as above; nobody else has seen ours.
        unsafe { (*last).next = null_mut() };
        NonNull::new(server).filter(|_| made == Status::OK.0)
    });
    pool.keyed(KEY, || Patient(patient));
    Status::OK.0
}

/// The hook in which a protocol says that it knows its name.
pub(super) unsafe extern "C" fn switched(
    _c: *mut ffi::conn_rec,
    _r: *mut ffi::request_rec,
    _s: *mut ffi::server_rec,
    protocol: *const c_char,
) -> c_int {
    // SAFETY: httpd calls with a text.
    match unsafe { c_bytes(protocol) } == Some(PROTOCOL.to_bytes()) {
        true => Status::OK.0,
        false => Status::DECLINED.0,
    }
}

impl Server {
    fn patient(&self) -> Option<NonNull<ffi::server_rec>> {
        self.configuration().keyed(KEY, || Patient(None)).0
    }
}

impl Connection {
    /// From now on the MPM leaves it parked for as long as need be, or where it cannot, for the
    /// `Timeout` of its virtual host instead of the main server's.
    pub fn be_patient(&self) {
        let server = self.base_server();
        let server = server.patient().map_or(server.as_ptr(), NonNull::as_ptr);
        self.move_to(server);
    }

    /// From now on the MPM's time-outs are those of its virtual host, as for HTTP.
    pub fn be_impatient(&self) {
        self.move_to(self.base_server().as_ptr());
    }

    fn move_to(&self, server: *mut ffi::server_rec) {
        // SAFETY: a live connection and server; `switched` knows the name, and the MPM listens in.
        unsafe { ffi::ap_switch_protocol(self.as_ptr(), null_mut(), server, PROTOCOL.as_ptr()) };
    }
}
