//! Servers: `server_rec`, the main one and the virtual hosts.

pub mod child_user;
pub mod config;
pub mod config_tree;
pub mod dump_signal;
pub mod fork;
pub(in crate::httpd) mod htaccess;
pub mod late_stop;
mod line;
pub mod listener;
mod log;
pub mod mutex;
pub mod process;
mod section_settings;
pub mod shared_memory;
pub mod socache;
pub mod stop;
pub(in crate::httpd) mod tag_forms;

pub use log::{log, log_at};
use std::cell::UnsafeCell;
use std::ffi::{CStr, c_void};
use std::ptr::NonNull;
use std::sync::OnceLock;
use std::time::Duration;

use super::apr::array;
use super::apr::pool::Pool;
use super::ffi;
use crate::httpd::cstr::c_bytes;

/// A `server_rec`. Lives as long as the configuration, so for all of a child's life.
#[repr(transparent)]
pub struct Server(UnsafeCell<ffi::server_rec>);

// SAFETY: httpd does not change a server once the configuration is read.
unsafe impl Sync for Server {}

/// Whether httpd was started with `-D name`, or the configuration defines it.
pub fn is_defined(name: &CStr) -> bool {
    // SAFETY: a look at a list that stands while requests are served.
    (unsafe { ffi::ap_exists_config_define(name.as_ptr()) }) != 0
}

impl Server {
    /// # Safety
    /// `raw` points to a live server for all of `'a`.
    pub(in crate::httpd) unsafe fn from_raw<'a>(raw: *mut ffi::server_rec) -> &'a Self {
        // SAFETY: repr(transparent); liveness is the caller's promise.
        unsafe { &*raw.cast() }
    }

    pub(in crate::httpd) fn as_ptr(&self) -> *mut ffi::server_rec {
        self.0.get()
    }

    /// Where its `server_rec` lies, for code in C.
    pub fn address(&self) -> NonNull<c_void> {
        NonNull::from(self).cast()
    }

    pub(in crate::httpd) fn raw(&self) -> &ffi::server_rec {
        // SAFETY: live; not written after the configuration is read.
        unsafe { &*self.as_ptr() }
    }

    /// The host name of its `ServerName`.
    pub fn hostname(&self) -> Option<&[u8]> {
        // SAFETY: null or NUL-terminated, as long as the configuration lives.
        unsafe { c_bytes(self.raw().server_hostname) }
    }

    /// `ServerAdmin`.
    pub fn admin(&self) -> Option<&[u8]> {
        // SAFETY: as above.
        unsafe { c_bytes(self.raw().server_admin) }
    }

    /// The port of its `ServerName`, or 0.
    pub fn port(&self) -> u16 {
        self.raw().port
    }

    /// Its name, and the port of its `ServerName` or else the first one that it has, as far as there are such.
    pub fn name_and_port(&self) -> String {
        let name = String::from_utf8_lossy(self.hostname().unwrap_or_default());
        let of_name = Some(self.port()).filter(|port| *port != 0);
        match of_name.or_else(|| self.first_port()) {
            Some(port) => format!("{name}:{port}"),
            None => name.into_owned(),
        }
    }

    /// Whether it is a virtual host.
    pub fn is_virtual(&self) -> bool {
        self.raw().is_virtual != 0
    }

    /// The file and line where it is configured; none for the main server.
    pub fn definition(&self) -> (Option<&[u8]>, u32) {
        // SAFETY: as above.
        let file = unsafe { c_bytes(self.raw().defn_name) };
        (file, self.raw().defn_line_number)
    }

    /// `ErrorLog`.
    pub fn error_log(&self) -> Option<&[u8]> {
        // SAFETY: as above.
        unsafe { c_bytes(self.raw().error_fname) }
    }

    /// `LogLevel`, without those of single modules.
    pub fn log_level(&self) -> i32 {
        self.raw().log.level
    }

    /// `ServerPath`.
    pub fn path(&self) -> Option<&[u8]> {
        // SAFETY: as above.
        unsafe { c_bytes(self.raw().path) }
    }

    /// `ServerAlias`, those without wildcards.
    pub fn names(&self) -> Vec<&[u8]> {
        // SAFETY: null, or an array of strings of the configuration.
        unsafe { array::strings(self.raw().names) }
    }

    /// `ServerAlias`, those with wildcards.
    pub fn wild_names(&self) -> Vec<&[u8]> {
        // SAFETY: as above.
        unsafe { array::strings(self.raw().wild_names) }
    }

    /// `KeepAlive`.
    pub fn keeps_alive(&self) -> bool {
        self.raw().keep_alive != 0
    }

    /// `KeepAliveTimeout`.
    pub fn keep_alive_timeout(&self) -> Duration {
        Duration::from_micros(self.raw().keep_alive_timeout.max(0) as u64)
    }

    /// `MaxKeepAliveRequests`.
    pub fn keep_alive_max(&self) -> i32 {
        self.raw().keep_alive_max
    }

    /// `LimitRequestLine`.
    pub fn limit_line(&self) -> i32 {
        self.raw().limit_req_line
    }

    /// `LimitRequestFieldSize`.
    pub fn limit_field_size(&self) -> i32 {
        self.raw().limit_req_fieldsize
    }

    /// `LimitRequestFields`.
    pub fn limit_fields(&self) -> i32 {
        self.raw().limit_req_fields
    }

    /// `Timeout`.
    pub fn timeout(&self) -> Duration {
        Duration::from_micros(self.raw().timeout.max(0) as u64)
    }

    /// The pool of the configuration that this server is part of.
    pub fn configuration(&self) -> &Pool {
        // SAFETY: the process's record outlives all servers.
        let process = unsafe { &*self.raw().process };
        // SAFETY: as long-lived as the configuration.
        unsafe { Pool::from_raw(process.pconf) }
    }

    /// The pool of httpd's parent process, which outlives restarts.
    pub(in crate::httpd) fn process_pool(&self) -> &Pool {
        // SAFETY: the process's record outlives all servers.
        let process = unsafe { &*self.raw().process };
        // SAFETY: as long-lived as the process.
        unsafe { Pool::from_raw(process.pool) }
    }

    /// Whether it is the default virtual host of some address: the one that connections begin with.
    pub fn is_default(&self) -> bool {
        !self.is_virtual()
            || self.addresses().any(|(name, port)| {
                // httpd's list has the last virtual host of the configuration first.
                let mut earlier = self.and_following().skip(1);
                !earlier.any(|server| server.addresses().any(|other| other == (name, port)))
            })
    }

    /// The addresses of its `<VirtualHost>`, as written, with their ports.
    fn addresses(&self) -> impl Iterator<Item = (&[u8], u16)> {
        // SAFETY: null at the end of the server's list, which lives as long as it.
        let mut at = unsafe { self.raw().addrs.as_ref() }.filter(|_| self.is_virtual());
        std::iter::from_fn(move || {
            let address = at?;
            // SAFETY: as above.
            at = unsafe { address.next.as_ref() };
            // SAFETY: NUL-terminated.
            let name = unsafe { c_bytes(address.virthost) };
            Some((name.unwrap_or_default(), address.host_port))
        })
    }

    /// The next server in httpd's list.
    pub fn next(&self) -> Option<&Self> {
        let next = self.raw().next;
        // SAFETY: null, or as long-lived as this one.
        (!next.is_null()).then(|| unsafe { Self::from_raw(next) })
    }

    /// This server, and those behind it in httpd's list: all of them, for the main server.
    pub fn and_following(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |server| server.next())
    }
}

/// The number of this generation of children: how many restarts were before it.
pub fn generation() -> i32 {
    let mut generation = 0;
    // SAFETY: a place for the answer, which stays if the MPM knows none.
    unsafe { ffi::ap_mpm_query(ffi::AP_MPMQ_GENERATION as i32, &raw mut generation) };
    generation
}

/// When httpd was started or restarted, in microseconds since 1970; 0 if it keeps no scoreboard.
pub fn restart_time() -> i64 {
    // SAFETY: a plain question.
    let board = unsafe { ffi::ap_get_scoreboard_global() };
    // SAFETY: null, or shared memory that lives as long as the child.
    unsafe { board.as_ref() }.map_or(0, |board| board.restart_time)
}

/// The main server of this child's configuration. Set once per child, after the fork; httpd's parent has none.
static MAIN: OnceLock<&'static Server> = OnceLock::new();

/// Keeps the main server of this child.
pub fn set_main(server: &'static Server) {
    MAIN.get_or_init(|| server);
}

/// The main server of this child's configuration; `None` in httpd's parent.
pub fn main() -> Option<&'static Server> {
    MAIN.get().copied()
}
