//! A probe: what httpd would answer to a request that no client sent. It stands on a copy of a
//! connection, as a stream of HTTP/2 does, and httpd's modules run their phases for it. What they
//! change, read, write or keep there does not reach the connection itself, and ends with the probe.

use std::cell::Cell;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::marker::PhantomData;
use std::ptr::{NonNull, null, null_mut};

use super::Request;
use super::hook_list::functions_of;
use crate::httpd::apr::brigade::Brigade;
use crate::httpd::connection::Connection;
use crate::httpd::cstr::c_bytes;
use crate::httpd::ffi;
use crate::httpd::guard::guard;
use crate::httpd::server::Server;
use crate::httpd::status::{Error, Status};

/// The name of the two filters of a copied connection: the output drops what is written, the input is at its end.
const NAME: &CStr = c"MOD_PYTHON_AUTH_PROBE";
/// The order of our hook: before those that are registered as the very first.
const BEFORE_ALL: c_int = ffi::APR_HOOK_REALLY_FIRST as c_int - 100;
/// The modules whose `post_read_request` finds the client's address, and what follows from it. The others
/// in that hook count, log or answer requests.
const ABOUT_CLIENTS: [&[u8]; 2] = [b"mod_remoteip.c", b"mod_setenvif.c"];

/// A request that no client sent.
pub struct AuthProbe<'a> {
    pool: *mut ffi::apr_pool_t,
    r: NonNull<ffi::request_rec>,
    connection: PhantomData<&'a Connection>,
}

/// What httpd would answer.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The request is allowed; with the user's name, if a phase has set one.
    Allowed(Option<Vec<u8>>),
    /// The request would be answered with this status.
    Refused(Status),
}

thread_local! {
    /// The probe that this thread makes, and whether it was allowed.
    static ASKED: Cell<(*const ffi::request_rec, bool)> = const { Cell::new((null(), false)) };
}

/// Registers the two filters, and the hook behind authorization.
pub(in crate::httpd) fn register() {
    let kind = ffi::AP_FTYPE_NETWORK;
    // SAFETY: called while httpd collects hooks; a static name and function.
    unsafe { ffi::ap_register_input_filter(NAME.as_ptr(), Some(nothing), None, kind) };
    // SAFETY: as above.
    unsafe { ffi::ap_register_output_filter(NAME.as_ptr(), Some(swallow), None, kind) };
    let none = null::<*const c_char>();
    // SAFETY: as above.
    unsafe { ffi::ap_hook_type_checker(Some(let_in), none, none, BEFORE_ALL) };
}

/// The first hook behind authorization: a probe that gets here is allowed, and its remaining phases are left out.
unsafe extern "C" fn let_in(r: *mut ffi::request_rec) -> c_int {
    guard("the end of a probe", Status::DECLINED, || {
        let (asked, _) = ASKED.get();
        if asked != r.cast_const() {
            return Status::DECLINED;
        }
        ASKED.set((asked, true));
        Status::DONE
    })
    .0
}

/// The input of a copied connection: it is at its end.
unsafe extern "C" fn nothing(
    _filter: *mut ffi::ap_filter_t,
    brigade: *mut ffi::apr_bucket_brigade,
    mode: ffi::ap_input_mode_t,
    _block: ffi::apr_read_type_e,
    _limit: ffi::apr_off_t,
) -> ffi::apr_status_t {
    let read = guard("the input of a probe", Err(Error::GENERAL), || {
        if mode != ffi::AP_MODE_INIT {
            // SAFETY: httpd calls with a live brigade.
            unsafe { Brigade::from_raw(brigade) }.append_end();
        }
        Ok(())
    });
    Error::code(read)
}

/// The output of a copied connection: it drops what is written.
unsafe extern "C" fn swallow(
    _filter: *mut ffi::ap_filter_t,
    brigade: *mut ffi::apr_bucket_brigade,
) -> ffi::apr_status_t {
    let written = guard("the output of a probe", Err(Error::GENERAL), || {
        // SAFETY: httpd calls with a live brigade.
        unsafe { Brigade::from_raw(brigade) }.clear();
        Ok(())
    });
    Error::code(written)
}

/// A chain of one filter.
fn chain(
    pool: *mut ffi::apr_pool_t,
    c: *mut ffi::conn_rec,
    record: *mut ffi::ap_filter_rec_t,
) -> *mut ffi::ap_filter_t {
    // SAFETY: a live pool; memory as long-lived as it.
    let filter: *mut ffi::ap_filter_t =
        unsafe { ffi::apr_palloc(pool, size_of::<ffi::ap_filter_t>()) }.cast();
    let fields = ffi::ap_filter_t {
        frec: record,
        ctx: null_mut(),
        next: null_mut(),
        r: null_mut(),
        c,
    };
    // SAFETY: fresh memory of the right size.
    unsafe { filter.write(fields) };
    filter
}

/// A copy of what the modules keep for a connection, without what ours keeps.
fn copy_vector(
    pool: *mut ffi::apr_pool_t,
    from: *mut ffi::ap_conf_vector_t,
) -> *mut ffi::ap_conf_vector_t {
    // SAFETY: a live pool; it has an entry for each module.
    let to = unsafe { ffi::ap_create_conn_config(pool) };
    let (source, target): (*mut *mut c_void, *mut *mut c_void) = (from.cast(), to.cast());
    // SAFETY: httpd's list of modules, which stands while it serves.
    let mut module = unsafe { ffi::ap_top_module };
    // SAFETY: null at the end of that list.
    while let Some(one) = unsafe { module.as_ref() } {
        if one.module_index != crate::httpd::module_index::module_index() {
            let index = usize::try_from(one.module_index).unwrap_or(0);
            // SAFETY: each loaded module has an entry in each vector.
            let value = unsafe { source.add(index) };
            // SAFETY: as above.
            let value = unsafe { value.read() };
            // SAFETY: as above.
            let place = unsafe { target.add(index) };
            // SAFETY: as above.
            unsafe { place.write(value) };
        }
        module = one.next;
    }
    to
}

impl Connection {
    /// A probe for a path with its query; `credentials` is the value of its `Authorization` header.
    ///
    /// # Errors
    /// `path` is no path of a URI.
    pub fn probe_auth(
        &self,
        uri: &CStr,
        credentials: Option<&CStr>,
    ) -> Result<AuthProbe<'_>, Error> {
        let mut pool = null_mut();
        // SAFETY: a place for one pool, below the connection's own.
        unsafe { ffi::apr_pool_create_ex(&raw mut pool, self.raw().pool, None, null_mut()) };
        let connection_copy = self.connection_copy(pool);
        // SAFETY: the copied connection has all that a connection needs for requests.
        let r = unsafe { ffi::ap_create_request(connection_copy) };
        let Some(r) = NonNull::new(r) else {
            return Err(Error::GENERAL);
        };
        let probe = AuthProbe {
            pool,
            r,
            connection: PhantomData,
        };
        probe.fill(self.base_server(), uri, credentials);
        // SAFETY: a live request of our own.
        let fields = unsafe { r.as_ref() };
        // SAFETY: null or NUL-terminated.
        let path = unsafe { c_bytes(fields.uri) }.unwrap_or_default();
        if fields.status != ffi::HTTP_OK as c_int || !path.starts_with(b"/") {
            return Err(Error::GENERAL);
        }
        Ok(probe)
    }

    /// A copy of this connection, which has no socket.
    fn connection_copy(&self, pool: *mut ffi::apr_pool_t) -> *mut ffi::conn_rec {
        // SAFETY: a live pool; memory as long-lived as it.
        let copy: *mut ffi::conn_rec =
            unsafe { ffi::apr_palloc(pool, size_of::<ffi::conn_rec>()) }.cast();
        // SAFETY: fresh memory of the right size.
        unsafe { copy.copy_from_nonoverlapping(self.as_ptr(), 1) };
        // SAFETY: a static name.
        let input = unsafe { ffi::ap_get_input_filter_handle(NAME.as_ptr()) };
        // SAFETY: as above.
        let output = unsafe { ffi::ap_get_output_filter_handle(NAME.as_ptr()) };
        // SAFETY: a live pool and table.
        let notes = unsafe { ffi::apr_table_copy(pool, self.raw().notes) };
        // SAFETY: our own, which no other code knows yet.
        let fields = unsafe { &mut *copy };
        fields.pool = pool;
        // Modules that see a master connection do not renegotiate TLS, and do not take the connection over.
        fields.master = self.as_ptr();
        fields.cs = null_mut();
        fields.notes = notes;
        fields.conn_config = copy_vector(pool, self.raw().conn_config);
        fields.input_filters = chain(pool, copy, input);
        fields.output_filters = chain(pool, copy, output);
        copy
    }
}

impl AuthProbe<'_> {
    fn text(&self, text: &[u8]) -> *mut c_char {
        // SAFETY: a live pool; APR copies.
        unsafe { ffi::apr_pstrmemdup(self.pool, text.as_ptr().cast(), text.len()) }
    }

    /// Sets the fields as if the request had been read from the connection.
    fn fill(&self, server: &Server, uri: &CStr, credentials: Option<&CStr>) {
        let host = server.hostname().unwrap_or(b"localhost");
        let line = [b"GET ", uri.to_bytes(), b" HTTP/1.1"].concat();
        let r = self.r.as_ptr();
        // SAFETY: a pure look at the clock.
        let now = unsafe { ffi::apr_time_now() };
        // SAFETY: our own, used on this thread only.
        let fields = unsafe { &mut *r };
        fields.request_time = now;
        fields.the_request = self.text(&line);
        fields.method = c"GET".as_ptr();
        fields.method_number = ffi::M_GET as c_int;
        fields.protocol = c"HTTP/1.1".as_ptr().cast_mut();
        fields.proto_num = 1001;
        fields.hostname = self.text(host);
        // SAFETY: httpd copies the text, and sets a status when it is no URI.
        unsafe { ffi::ap_parse_uri(r, uri.as_ptr()) };
        let headers = self.request().headers_in();
        if let Ok(host) = CString::new(host) {
            headers.set(c"Host", &host);
        }
        if let Some(credentials) = credentials {
            headers.set(c"Authorization", credentials);
        }
    }

    /// The request of the probe.
    pub fn request(&self) -> &Request {
        // SAFETY: it lives until this is dropped.
        unsafe { Request::from_raw(self.r.as_ptr()) }
    }

    /// Runs `post_read_request` of mod_remoteip and mod_setenvif, which find the client's address.
    ///
    /// # Errors
    /// One of them refuses it.
    pub fn meet_client(&self) -> Result<(), Status> {
        type HookFunction = unsafe extern "C" fn(*mut ffi::request_rec) -> c_int;
        // SAFETY: a look at a variable of httpd's.
        let hooks = unsafe { ffi::ap_hook_get_post_read_request() };
        // SAFETY: that hook's functions.
        for hook in unsafe { functions_of::<HookFunction>(hooks, &ABOUT_CLIENTS) } {
            // SAFETY: a hook of httpd's, called as httpd does.
            let status = Status(unsafe { hook(self.r.as_ptr()) });
            if status != Status::OK && status != Status::DECLINED {
                return Err(status);
            }
        }
        Ok(())
    }

    /// Whether httpd would allow the request. All phases up to authorization run for it, and no later one.
    pub fn authorize(&self) -> Verdict {
        if let Err(status) = self.meet_client() {
            return Verdict::Refused(status);
        }
        let r = self.r.as_ptr();
        let before = ASKED.replace((r, false));
        // SAFETY: a request as httpd makes them.
        let status = Status(unsafe { ffi::ap_process_request_internal(r) });
        let (_, is_let_in) = ASKED.replace(before);
        match is_let_in {
            true => Verdict::Allowed(self.request().user().map(<[u8]>::to_vec)),
            false => Verdict::Refused(status),
        }
    }
}

impl Request {
    /// Whether it is the request of a probe that this thread makes just now.
    pub(in crate::httpd) fn is_auth_probe(&self) -> bool {
        ASKED.get().0 == self.as_ptr().cast_const()
    }
}

impl Drop for AuthProbe<'_> {
    fn drop(&mut self) {
        // SAFETY: made by `probe_auth`; the request and all that modules keep for it are in it.
        unsafe { ffi::apr_pool_destroy(self.pool) };
    }
}
