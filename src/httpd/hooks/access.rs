//! Access control in httpd's own words: the provider `python` for authentication (`AuthBasicProvider`,
//! `AuthDigestProvider`, `AuthFormProvider`) and for authorization (`Require`).

use std::ffi::{CStr, CString, c_char, c_void};
use std::mem::transmute;
use std::ptr::{from_ref, null};
use std::sync::atomic::{AtomicBool, Ordering};

use super::Module;
use super::refusals::refuse;
use crate::httpd::apr::pool::Pool;
use crate::httpd::cstr::c_bytes;
use crate::httpd::ffi;
use crate::httpd::guard::guard;
use crate::httpd::request::Request;
use crate::httpd::server::config;
use crate::httpd::server::config::{Line, OverrideClass};
use crate::httpd::server::config_tree;
use crate::httpd::status::Status;

/// The name of the providers, in `AuthBasicProvider python` and `Require python`.
const NAME: &CStr = c"python";
/// The classes of `AllowOverride` that `Require python` needs in .htaccess.
const CLASSES: &[OverrideClass] = &[OverrideClass::FileInfo, OverrideClass::AuthConfig];
/// bcrypt compares so many bytes of a password.
const BCRYPT_BYTES: usize = 72;
/// The cost of bcrypt for passwords in the cache of mod_authn_socache; each step doubles it.
const BCRYPT_COST: u32 = 5;

/// Whether the configuration lets mod_authn_socache keep what providers say. Written in the parent.
static IS_CACHED: AtomicBool = AtomicBool::new(false);

/// The answer to a name and a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordAnswer {
    /// They belong together.
    Right,
    /// They do not; no other provider is asked.
    Wrong,
    /// The user is not known; the next provider is asked.
    UnknownUser,
    /// The request is answered with this status.
    Status(Status),
    /// It could not be found out; the log says why.
    Failed,
}

/// The answer to a name and a realm of Digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HashAnswer {
    /// The hash of name, realm and password: 32 hexadecimal digits.
    Hash(CString),
    /// The user may not come in; no other provider is asked.
    Refused,
    /// The user is not known; the next provider is asked.
    UnknownUser,
    /// The request is answered with this status.
    Status(Status),
    /// It could not be found out; the log says why.
    Failed,
}

/// The answer to a line `Require python`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequireAnswer {
    /// The line is met.
    Granted,
    /// It is not met, whoever the user is.
    Denied,
    /// It is not met as long as there is no user.
    NeedsUser,
    /// The line says nothing about this request.
    Neutral,
    /// The request is answered with this status.
    Status(Status),
    /// It could not be found out; the log says why.
    Failed,
}

/// The implementation of the providers.
pub trait Access: 'static {
    /// The module whose directives say which functions are called.
    type Owner: Module;
    /// What a line `Require python` says.
    type Requirement: 'static;

    /// Reads what follows `Require python`.
    ///
    /// # Errors
    /// A sentence that says what to write.
    fn requirement(line: &Line<'_>) -> Result<Self::Requirement, String>;
    /// Whether a requirement is met.
    fn require(r: &Request, requirement: &Self::Requirement) -> RequireAnswer;
    /// Whether this is the user's password.
    fn check_password(r: &Request, user: &[u8], password: &[u8]) -> PasswordAnswer;
    /// The hash of the user's password in this realm.
    fn realm_hash(r: &Request, user: &[u8], realm: &[u8]) -> HashAnswer;
}

/// Registers the providers. Called while httpd collects hooks.
pub fn register<A: Access>(pool: &Pool) {
    let authentication = pool.own(ffi::authn_provider {
        check_password: Some(check_password::<A>),
        get_realm_hash: Some(realm_hash::<A>),
    });
    let authorization = pool.own(ffi::authz_provider {
        check_authorization: Some(require::<A>),
        parse_require_line: Some(parse::<A>),
    });
    let groups: [(&CStr, *const c_void); 2] = [
        (c"authn", from_ref(authentication).cast()),
        (c"authz", from_ref(authorization).cast()),
    ];
    for (group, provider) in groups {
        // The functions may look at the path, so httpd must not rely on what it found for another URI. It still asks for
        // a subrequest or an internal redirection only if the configuration differs from that of the request before it.
        let kind = ffi::AP_AUTH_INTERNAL_PER_URI as i32;
        // SAFETY: a live pool, which owns the provider and forgets it at its end; static texts.
        unsafe {
            ffi::ap_register_auth_provider(
                pool.as_ptr(),
                group.as_ptr(),
                NAME.as_ptr(),
                c"0".as_ptr(),
                provider,
                kind,
            );
        }
    }
}

/// Looks whether the configuration lets mod_authn_socache keep what providers say. Called in `post_config`.
pub fn look_for_cache() {
    let mut is_cached = false;
    for line in config_tree::configuration() {
        line.each(&mut |line| {
            let names: [&[u8]; 2] = [b"AuthnCacheProvideFor", b"AuthnCacheEnable"];
            is_cached |= names
                .iter()
                .any(|name| line.name.eq_ignore_ascii_case(name));
        });
    }
    IS_CACHED.store(is_cached, Ordering::Relaxed);
}

/// A text that httpd gives.
///
/// # Safety
/// Null, or NUL-terminated for all of `'a`.
unsafe fn text<'a>(raw: *const c_char) -> &'a [u8] {
    // SAFETY: the caller's promise.
    unsafe { c_bytes(raw) }.unwrap_or_default()
}

unsafe extern "C" fn check_password<A: Access>(
    r: *mut ffi::request_rec,
    user: *const c_char,
    password: *const c_char,
) -> ffi::authn_status {
    // SAFETY: httpd calls with a live request.
    let r = unsafe { Request::from_raw(r) };
    // SAFETY: texts that live through the call.
    let user_text = unsafe { text(user) };
    // SAFETY: as above.
    let password_text = unsafe { text(password) };
    guard("check_password", ffi::AUTH_GENERAL_ERROR, || {
        match A::check_password(r, user_text, password_text) {
            PasswordAnswer::Right => {
                if let Some(hash) = hash_for_cache(password_text) {
                    // SAFETY: as above.
                    unsafe { store(r, user, null(), hash.as_ptr()) };
                }
                ffi::AUTH_GRANTED
            }
            PasswordAnswer::Wrong => ffi::AUTH_DENIED,
            PasswordAnswer::UnknownUser => ffi::AUTH_USER_NOT_FOUND,
            PasswordAnswer::Status(status) => {
                refuse(r, status);
                ffi::AUTH_GENERAL_ERROR
            }
            PasswordAnswer::Failed => ffi::AUTH_GENERAL_ERROR,
        }
    })
}

unsafe extern "C" fn realm_hash<A: Access>(
    r: *mut ffi::request_rec,
    user: *const c_char,
    realm: *const c_char,
    hash: *mut *mut c_char,
) -> ffi::authn_status {
    // SAFETY: httpd calls with a live request.
    let r = unsafe { Request::from_raw(r) };
    // SAFETY: texts that live through the call.
    let user_text = unsafe { text(user) };
    // SAFETY: as above.
    let realm_text = unsafe { text(realm) };
    guard("get_realm_hash", ffi::AUTH_GENERAL_ERROR, || {
        match A::realm_hash(r, user_text, realm_text) {
            HashAnswer::Hash(found) => {
                let kept = r.pool().copy_text(found.to_bytes());
                if IS_CACHED.load(Ordering::Relaxed) {
                    // SAFETY: as above.
                    unsafe { store(r, user, realm, kept) };
                }
                // SAFETY: httpd's place for the answer, which lives as long as the request.
                unsafe { hash.write(kept) };
                ffi::AUTH_USER_FOUND
            }
            HashAnswer::Refused => ffi::AUTH_DENIED,
            HashAnswer::UnknownUser => ffi::AUTH_USER_NOT_FOUND,
            HashAnswer::Status(status) => {
                refuse(r, status);
                ffi::AUTH_GENERAL_ERROR
            }
            HashAnswer::Failed => ffi::AUTH_GENERAL_ERROR,
        }
    })
}

unsafe extern "C" fn require<A: Access>(
    r: *mut ffi::request_rec,
    _line: *const c_char,
    parsed: *const c_void,
) -> ffi::authz_status {
    // SAFETY: httpd calls with a live request.
    let r = unsafe { Request::from_raw(r) };
    // SAFETY: what `parse` gave for this line, in the pool of the line.
    let requirement = unsafe { parsed.cast::<A::Requirement>().as_ref() };
    guard("Require python", ffi::AUTHZ_GENERAL_ERROR, || {
        let answer = requirement.map(|requirement| A::require(r, requirement));
        match answer.unwrap_or(RequireAnswer::Failed) {
            RequireAnswer::Granted => ffi::AUTHZ_GRANTED,
            RequireAnswer::Denied => ffi::AUTHZ_DENIED,
            RequireAnswer::NeedsUser => ffi::AUTHZ_DENIED_NO_USER,
            RequireAnswer::Neutral => ffi::AUTHZ_NEUTRAL,
            RequireAnswer::Status(status) => {
                refuse(r, status);
                ffi::AUTHZ_GENERAL_ERROR
            }
            RequireAnswer::Failed => ffi::AUTHZ_GENERAL_ERROR,
        }
    })
}

/// httpd has read a line `Require python`. Returns null, or what is wrong with it, in the pool of temporary values.
unsafe extern "C" fn parse<A: Access>(
    parms: *mut ffi::cmd_parms,
    arguments: *const c_char,
    parsed: *mut *const c_void,
) -> *const c_char {
    // SAFETY: httpd calls with live parameters.
    let parms = unsafe { &*parms };
    let not_read = config::NOT_READ.as_ptr();
    guard("Require python", not_read, || {
        let line = Line { parms, arguments };
        let admitted =
            line.admit_require(CLASSES, line.admitted::<<A::Owner as Module>::Settings>());
        let read = admitted.and_then(|()| A::requirement(&line));
        match read {
            Ok(requirement) => {
                let kept = line.configuration().own(requirement);
                // SAFETY: httpd's place for what was read, which lives as long as the pool of the line.
                unsafe { parsed.write(from_ref(kept).cast()) };
                null()
            }
            Err(sentence) => line.temporary(&format!("Require python {sentence}")),
        }
    })
}

/// A hash of a password that was right, by which mod_authn_socache knows it again; `None` where none is kept.
fn hash_for_cache(password: &[u8]) -> Option<CString> {
    // A longer one would be known again by its beginning.
    let is_kept = IS_CACHED.load(Ordering::Relaxed) && password.len() <= BCRYPT_BYTES;
    let password = CString::new(password).ok().filter(|_| is_kept)?;
    let mut salt = [0_u8; 16];
    // SAFETY: a place of that length.
    let status = unsafe { ffi::apr_generate_random_bytes(salt.as_mut_ptr(), salt.len()) };
    if status != 0 {
        return None;
    }
    let mut hash = [0_u8; 128];
    // SAFETY: a NUL-terminated password, and places of these lengths.
    let status = unsafe {
        ffi::apr_bcrypt_encode(
            password.as_ptr(),
            BCRYPT_COST,
            salt.as_ptr(),
            salt.len(),
            hash.as_mut_ptr().cast(),
            hash.len(),
        )
    };
    let hash = CStr::from_bytes_until_nul(&hash).ok();
    hash.filter(|_| status == 0).map(CStr::to_owned)
}

/// Gives mod_authn_socache what it may keep for `AuthnCacheProvideFor python`, if it is loaded.
///
/// # Safety
/// The texts are NUL-terminated; that of the realm may be null.
unsafe fn store(r: &Request, user: *const c_char, realm: *const c_char, hash: *const c_char) {
    type Store = unsafe extern "C" fn(
        *mut ffi::request_rec,
        *const c_char,
        *const c_char,
        *const c_char,
        *const c_char,
    );
    // SAFETY: only looks the name up.
    let found = unsafe { ffi::apr_dynamic_fn_retrieve(c"ap_authn_cache_store".as_ptr()) };
    if let Some(found) = found {
        // SAFETY: mod_auth.h declares the function of this name so.
        let store = unsafe { transmute::<unsafe extern "C" fn(), Store>(found) };
        // SAFETY: a live request; the texts are as the caller says.
        unsafe { store(r.as_ptr(), NAME.as_ptr(), user, realm, hash) };
    }
}
