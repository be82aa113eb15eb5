//! Hooks: the module record, and the functions that httpd calls. A module is one implementation
//! of [`Module`]; each method is a hook, and does nothing by default.

pub mod access;
pub(in crate::httpd) mod connections;
pub mod filters;
pub mod optional_functions;
pub(in crate::httpd) mod protocols;
pub(in crate::httpd) mod proxy;
pub mod refusals;
pub mod requests;
pub mod ssi;

use std::cell::{RefCell, UnsafeCell};
use std::ffi::{CStr, CString, c_char, c_int};
use std::ptr::{null, null_mut};

use super::apr::brigade::Brigade;
use super::apr::pool::Pool;
use super::connection::Connection;
use super::connection::parked_socket::ParkedSocket;
use super::ffi;
use super::filter::Filter;
use super::filter::Mode;
use super::guard::{caught, guard};
use super::log;
use super::log::Level;
use super::module_index;
use super::request::Request;
use super::server;
use super::server::Server;
use super::server::config;
use super::server::config::{Command, ModuleSettings};
use super::server::process;
use super::server::tag_forms;
use super::status::{Error, Status};
use crate::hook_order::Order;
use requests::{Hook, Registration};

/// A module: what it does in each of httpd's hooks.
pub trait Module: Sized + 'static {
    /// `mod_name.c`, for `<IfModule>`.
    const NAME: &'static CStr;
    /// The settings that its directives make.
    type Settings: ModuleSettings;
    /// Its directives, as [`config::commands`] makes them.
    const COMMANDS: &'static [Command];

    /// The record that httpd loads.
    fn record() -> &'static Record;
    /// httpd collects hooks: registers what is no hook, in the configuration's pool.
    fn register(_configuration: &Pool) {}
    /// The configuration was read, perhaps only for `-t`.
    ///
    /// # Errors
    /// A sentence that says what to write: httpd does not start.
    fn check_config(_configuration: &Pool, _main: &Server) -> Result<(), String> {
        Ok(())
    }
    /// The configuration was read. Called in the parent, as root.
    fn post_config(_configuration: &Pool, _main: &Server) {}
    /// Called after `post_config` for a configuration that httpd is going to serve: once at its start, where
    /// `post_config` is called twice, and at each restart. For what is to be said or made once.
    ///
    /// # Errors
    /// A sentence that says what is wrong: httpd does not start.
    fn configured(_configuration: &Pool, _main: &Server) -> Result<(), String> {
        Ok(())
    }
    /// A child starts. Called before it has threads, and after its user was changed.
    fn child_init(_child: &Pool, _main: &'static Server) {}
    /// `mod_python.testing` has loaded the module into a running Python, to test filters without httpd. Called with
    /// the GIL, on each thread that tests.
    fn hosted() -> Result<(), String> {
        Ok(())
    }
    /// The child is about to stop: gracefully (work may be finished), or at once. Called on any thread.
    fn child_stopping(_graceful: bool) {}
    /// A connection begins. Returns where its parked socket is kept, if the module may park the connection and watch
    /// its socket itself.
    fn parked_socket(_c: &Connection) -> Option<&RefCell<Option<ParkedSocket>>> {
        None
    }
    /// A client's connection, a connection to another server or one stream of a connection begins: filters may be
    /// added to its chains.
    fn pre_connection(_c: &Connection) {}
    /// A connection was accepted. Where the MPM parks connections, also: its socket or event is ready.
    fn process_connection(_c: &Connection) -> Status {
        Status::DECLINED
    }
    /// A connection is about to be closed, for whatever reason; something may still be sent.
    fn pre_close_connection(_c: &Connection) {}
    /// The protocols that the module can serve, of those that a peer offers by TLS or in a request.
    fn propose_protocols(
        _c: &Connection,
        _r: Option<&Request>,
        _server: &Server,
        _offers: &[&[u8]],
    ) -> Vec<CString> {
        Vec::new()
    }
    /// A protocol was agreed upon. With a request, whose response is sent, the hook serves the connection.
    fn switch_protocol(
        _c: &Connection,
        _r: Option<&Request>,
        _server: &Server,
        _name: &[u8],
    ) -> Status {
        Status::DECLINED
    }
    /// The name of the protocol of a connection, if it is one of the module's.
    fn protocol(_c: &Connection) -> Option<&CStr> {
        None
    }
    /// The module's places in the hooks about connections and requests.
    fn hooks() -> Vec<Registration>;
    /// A hook about a request. Called on the thread that works on the request.
    fn request(r: &Request, hook: Hook) -> Status;
    /// The id by which logs call a request that has none yet; `None`: httpd makes one.
    fn log_id(_r: &Request) -> Option<&[u8]> {
        None
    }
    /// mod_proxy is about to connect to this URL for a request. Answers a status for the client, or `DECLINED`.
    /// Called on the thread that works on the request.
    fn proxied(_r: &Request, _url: &[u8]) -> Status {
        Status::DECLINED
    }
    /// A brigade is sent through output filter number `slot`.
    fn output_filter(filter: &Filter, _slot: usize, brigade: &Brigade) -> Result<(), Error> {
        filter.step_out(brigade)
    }
    /// The handler of a request with output filter number `slot` is about to be called. `direct`: the filter stands in
    /// the chain itself; otherwise mod_filter decides by the response whether to call it.
    fn output_filter_starts(_filter: &Filter, _slot: usize, _direct: bool) {}
    /// The module's part of mod_status's page: HTML, or lines `Name: value` when `short`.
    fn status(_r: &Request, _short: bool) -> String {
        String::new()
    }
    /// The handler of a request with input filter number `slot` is about to be called.
    fn input_filter_starts(_filter: &Filter, _slot: usize) {}
    /// A read through input filter number `slot`: appends to `brigade`.
    fn input_filter(
        filter: &Filter,
        slot: usize,
        brigade: &Brigade,
        mode: Mode,
        block: bool,
    ) -> Result<(), Error>;
}

/// The module record, which httpd finds by its name. httpd writes to it, so it is not in read-only memory.
#[repr(transparent)]
pub struct Record(UnsafeCell<ffi::module>);

// SAFETY: httpd writes to it while it loads modules, on one thread, before any other starts.
unsafe impl Sync for Record {}

/// The record of a module.
pub const fn record<M: Module>() -> Record {
    Record(UnsafeCell::new(ffi::module {
        version: ffi::MODULE_MAGIC_NUMBER_MAJOR as c_int,
        minor_version: ffi::MODULE_MAGIC_NUMBER_MINOR as c_int,
        module_index: -1,
        name: M::NAME.as_ptr(),
        dynamic_load_handle: null_mut(),
        next: null_mut(),
        magic: ffi::MODULE_MAGIC_COOKIE as _,
        rewrite_args: None,
        create_dir_config: Some(config::create_section::<M::Settings>),
        merge_dir_config: Some(config::merge::<M::Settings>),
        create_server_config: Some(config::create_server::<M::Settings>),
        merge_server_config: Some(config::merge::<M::Settings>),
        cmds: M::COMMANDS.as_ptr().cast(),
        register_hooks: Some(register::<M>),
        flags: 0,
    }))
}

impl Record {
    fn remember_index(&self) {
        // SAFETY: httpd has set it before it asks for hooks.
        module_index::remember(unsafe { (*self.0.get()).module_index });
    }
}

/// Adds `name/version` to httpd's `Server` header (`ServerTokens Full`) and its log entry at start.
pub fn add_version(configuration: &Pool, component: &str) {
    if let Ok(component) = CString::new(component) {
        // SAFETY: httpd copies it.
        unsafe { ffi::ap_add_version_component(configuration.as_ptr(), component.as_ptr()) };
    }
}

/// The type of [`host`].
pub type Host = unsafe extern "C" fn(*mut ffi::server_rec) -> *mut c_char;

/// Starts the module in `mod_python.testing`, which calls this in place of httpd's loading and forking, with the
/// main server of its test double of httpd; there the module has index 0. Returns null, or an error text.
///
/// # Safety
/// `main` lives as long as the process, and the calling thread has the GIL.
pub unsafe extern "C" fn host<M: Module>(main: *mut ffi::server_rec) -> *mut c_char {
    // SAFETY: the caller's server lives as long as the process.
    let main = unsafe { Server::from_raw(main) };
    let failed = c"mod_python panicked as it started".as_ptr().cast_mut();
    guard("the start for tests", failed, || {
        M::record().remember_index();
        server::set_main(main);
        match M::hosted() {
            Ok(()) => null_mut(),
            // Not freed: an error is reported once, and ends the test run.
            Err(reason) => CString::new(reason).unwrap_or_default().into_raw(),
        }
    })
}

/// httpd collects the hooks of its modules. A module that is registered in part could let requests in without their
/// access handlers, so httpd ends where this panics.
unsafe extern "C" fn register<M: Module>(pool: *mut ffi::apr_pool_t) {
    // SAFETY: httpd calls with the configuration's pool.
    let pool = unsafe { Pool::from_raw(pool) };
    if caught("register_hooks", || register_all::<M>(pool)).is_none() {
        std::process::exit(1);
    }
}

fn register_all<M: Module>(pool: &Pool) {
    M::record().remember_index();
    std::panic::set_hook(Box::new(|panic| {
        // `guard` logs the message of a panic, and this its file and line.
        let place = panic
            .location()
            .map(ToString::to_string)
            .unwrap_or_default();
        log::main(Level::Debug, &format!("panic at {place}"));
    }));
    super::connection::replay::register();
    super::request::auth_probe::register();
    super::request::htaccess_options::register();
    super::server::mutex::register();
    let none = null::<*const c_char>();
    let (first, middle) = (Order::First.number(), Order::Middle.number());
    // SAFETY: all are called while httpd collects hooks; functions and lists are static.
    unsafe { ffi::ap_hook_check_config(Some(check_config::<M>), none, none, middle) };
    // SAFETY: as above.
    unsafe { ffi::ap_hook_post_config(Some(post_config::<M>), none, none, middle) };
    // SAFETY: as above.
    unsafe { ffi::ap_hook_generate_log_id(Some(generate_log_id::<M>), none, none, first) };
    connections::register::<M>();
    filters::register_run_time::<M>();
    super::filter::before_headers::register();
    super::filter::decoded_body::register();
    super::filter::flush_gate::register();
    super::filter::inflater::register();
    super::filter::not_modified::register();
    super::filter::range_cut::register();
    super::filter::recoding::register();
    super::filter::response_framing::register();
    super::filter::spool::register();
    // SAFETY: as above.
    unsafe { ffi::ap_hook_child_init(Some(child_init::<M>), none, none, middle) };
    // SAFETY: as above.
    unsafe { ffi::ap_hook_child_stopping(Some(child_stopping::<M>), none, none, first) };
    // SAFETY: as above.
    unsafe { ffi::ap_hook_protocol_switch(Some(protocols::switched), none, none, middle) };
    protocols::register::<M>();
    proxy::register::<M>();
    // SAFETY: as above; without mod_status it is not called.
    unsafe { ffi::mp_hook_status(Some(status::<M>)) };
    requests::register::<M>(pool);
    M::register(pool);
}

unsafe extern "C" fn post_config<M: Module>(
    configuration: *mut ffi::apr_pool_t,
    _log: *mut ffi::apr_pool_t,
    _temporary: *mut ffi::apr_pool_t,
    main: *mut ffi::server_rec,
) -> c_int {
    // SAFETY: httpd calls with a live pool.
    let pool = unsafe { Pool::from_raw(configuration) };
    // SAFETY: httpd calls with a live server.
    let main = unsafe { Server::from_raw(main) };
    guard("post_config", Status::INTERNAL_SERVER_ERROR, || {
        tag_forms::make(pool);
        M::post_config(pool, main);
        match process::is_first_reading() || said(M::configured(pool, main)) {
            true => Status::OK,
            false => Status::INTERNAL_SERVER_ERROR,
        }
    })
    .0
}

unsafe extern "C" fn check_config<M: Module>(
    configuration: *mut ffi::apr_pool_t,
    _log: *mut ffi::apr_pool_t,
    _temporary: *mut ffi::apr_pool_t,
    main: *mut ffi::server_rec,
) -> c_int {
    // SAFETY: httpd calls with a live pool.
    let pool = unsafe { Pool::from_raw(configuration) };
    // SAFETY: httpd calls with a live server.
    let main = unsafe { Server::from_raw(main) };
    guard(
        "check_config",
        Status::INTERNAL_SERVER_ERROR,
        || match said(M::check_config(pool, main)) {
            true => Status::OK,
            false => Status::INTERNAL_SERVER_ERROR,
        },
    )
    .0
}

/// Logs what is wrong with a configuration. Returns whether nothing is.
fn said(result: Result<(), String>) -> bool {
    if let Err(sentence) = &result {
        log::main(Level::Error, sentence);
    }
    result.is_ok()
}

unsafe extern "C" fn child_init<M: Module>(
    child: *mut ffi::apr_pool_t,
    main: *mut ffi::server_rec,
) {
    // SAFETY: httpd calls with a live pool.
    let pool = unsafe { Pool::from_raw(child) };
    // SAFETY: the main server lives as long as the child does.
    let main = unsafe { Server::from_raw(main) };
    guard("child_init", (), || {
        server::set_main(main);
        M::child_init(pool, main);
    });
}

unsafe extern "C" fn status<M: Module>(r: *mut ffi::request_rec, flags: c_int) -> c_int {
    // SAFETY: httpd calls with a live request.
    let r = unsafe { Request::from_raw(r) };
    let short = flags & ffi::AP_STATUS_SHORT as c_int != 0;
    guard("the status page", (), || {
        let text = M::status(r, short);
        // SAFETY: a live request, and memory of that length.
        unsafe { ffi::ap_rwrite(text.as_ptr().cast(), text.len() as c_int, r.as_ptr()) };
    });
    Status::OK.0
}

/// httpd logs for a connection or, if there is one, for a request that has no id yet.
unsafe extern "C" fn generate_log_id<M: Module>(
    _c: *const ffi::conn_rec,
    r: *const ffi::request_rec,
    id: *mut *const c_char,
) -> c_int {
    if r.is_null() {
        return Status::DECLINED.0;
    }
    // SAFETY: httpd calls with a live request.
    let r = unsafe { Request::from_raw(r.cast_mut()) };
    guard("the id of a request", Status::DECLINED, || {
        let Some(found) = M::log_id(r) else {
            return Status::DECLINED;
        };
        // SAFETY: httpd's place for the id; the copy lives as long as the request.
        unsafe { *id = r.pool().copy_text(found) };
        Status::OK
    })
    .0
}

unsafe extern "C" fn child_stopping<M: Module>(_child: *mut ffi::apr_pool_t, graceful: c_int) {
    guard("child_stopping", (), || M::child_stopping(graceful != 0));
}
