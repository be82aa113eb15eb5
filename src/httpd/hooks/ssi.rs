//! Server-side includes: the element `<!--#python ... -->`, when mod_include is loaded.

use std::cell::Cell;
use std::ffi::{CStr, c_char};
use std::mem::transmute;
use std::ptr::{NonNull, null_mut};
use std::sync::OnceLock;

use crate::filter_chain::Change;
use crate::filter_chain::Direction;
use crate::httpd::apr::brigade::Brigade;
use crate::httpd::apr::owned_brigade::OwnedBrigade;
use crate::httpd::cstr::c_bytes;
use crate::httpd::ffi;
use crate::httpd::filter::Filter;
use crate::httpd::filter::calls_in_progress;
use crate::httpd::filter::output::Output;
use crate::httpd::filter::stream::CHUNK;
use crate::httpd::guard::{caught, guard};
use crate::httpd::log::Level;
use crate::httpd::request::Request;
use crate::httpd::status::{Error, Status};

/// The implementation that runs the code of elements.
pub trait Tags: 'static {
    /// Runs the code. `Ok(false)`: it failed, and the page gets mod_include's error text.
    ///
    /// # Errors
    /// The error of a send: the response cannot go on.
    fn run(tag: &Tag, parameter: Parameter, code: &[u8]) -> Result<bool, Error>;
}

/// The parameter of an element; it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parameter {
    /// `eval`: an expression, whose value is put into the page.
    Eval,
    /// `exec`: statements, which write to the page.
    Exec,
}

type Register = unsafe extern "C" fn(*mut c_char, Option<ElementFunction>);
type NextParameter =
    unsafe extern "C" fn(*mut ffi::include_ctx_t, *mut *mut c_char, *mut *mut c_char, i32);
type ElementFunction = unsafe extern "C" fn(
    *mut ffi::include_ctx_t,
    *mut ffi::ap_filter_t,
    *mut ffi::apr_bucket_brigade,
) -> ffi::apr_status_t;

/// mod_include's function for reading an element; set once per child.
static NEXT_PARAMETER: OnceLock<NextParameter> = OnceLock::new();

/// Registers the element with mod_include, if that is loaded. Called when a child starts.
pub fn serve<T: Tags>() {
    let retrieve = |name: &CStr| {
        // SAFETY: only looks the name up.
        unsafe { ffi::apr_dynamic_fn_retrieve(name.as_ptr()) }
    };
    let (Some(register), Some(next_parameter)) = (
        retrieve(c"ap_register_include_handler"),
        retrieve(c"ap_ssi_get_tag_and_value"),
    ) else {
        return;
    };
    // SAFETY: mod_include.h declares the function of this name so.
    let register = unsafe { transmute::<unsafe extern "C" fn(), Register>(register) };
    // SAFETY: as above.
    let next = unsafe { transmute::<unsafe extern "C" fn(), NextParameter>(next_parameter) };
    NEXT_PARAMETER.get_or_init(|| next);
    // SAFETY: mod_include made its list in post_config; it keeps the pointer to the name.
    unsafe { register(c"python".as_ptr().cast_mut(), Some(element::<T>)) };
}

/// One element of a page, while it is run.
pub struct Tag {
    context: NonNull<ffi::include_ctx_t>,
    filter: NonNull<ffi::ap_filter_t>,
    page: NonNull<ffi::apr_bucket_brigade>,
    written: OwnedBrigade,
    buffered: Cell<usize>,
    failed: Cell<Option<Error>>,
}

impl Tag {
    /// mod_include's filter.
    pub fn filter(&self) -> &Filter {
        // SAFETY: live through the element's handler, as the tag is.
        unsafe { Filter::from_raw(self.filter.as_ptr()) }
    }

    /// The request for the page.
    pub fn request(&self) -> &Request {
        // SAFETY: live through the element's handler.
        let context = unsafe { self.context.as_ref() };
        // SAFETY: as above.
        unsafe { Request::from_raw(context.r) }
    }

    /// The part of the page that mod_include has gathered and not sent yet.
    fn page(&self) -> &Brigade {
        // SAFETY: live through the element's handler.
        unsafe { Brigade::from_raw(self.page.as_ptr()) }
    }

    /// The brigade for what the code writes. (Not the page's: its last bucket may share memory with the text that
    /// follows the element, which a write would overwrite.)
    pub fn written(&self) -> &Brigade {
        &self.written
    }

    /// The code has written `length` bytes; sends them when there are enough.
    ///
    /// # Errors
    /// What sending answered.
    pub fn wrote(&self, length: usize) -> Result<(), Error> {
        self.buffered.set(self.buffered.get() + length);
        if self.buffered.get() < CHUNK {
            return Ok(());
        }
        self.send()
    }

    /// Sends what was written, and what later filters hold.
    ///
    /// # Errors
    /// What sending answered.
    pub fn flush(&self) -> Result<(), Error> {
        self.written.append_flush();
        self.send()
    }

    fn send(&self) -> Result<(), Error> {
        self.buffered.set(0);
        if let Some(error) = self.failed.get() {
            self.written.clear();
            return Err(error);
        }
        self.page().append_all(&self.written);
        let result = self.filter().pass(self.page());
        self.page().clear();
        self.failed.set(result.err());
        result
    }

    /// Whether a part of the response has passed all filters, so that its status cannot change.
    pub fn is_out(&self) -> bool {
        self.request().has_sent()
    }

    /// The error of a send, if one has failed.
    pub fn failed(&self) -> Option<Error> {
        self.failed.get()
    }

    /// Ends the response with an error page of this status, or cuts it when a part of it is out.
    pub fn fail(&self, status: Status) -> Error {
        self.written.clear();
        self.page().clear();
        let result = Output::new(self.filter(), Change::Length).fail(self.filter(), status);
        result.err().unwrap_or(Error::FILTER)
    }

    /// Puts mod_include's text for errors (`SSIErrorMsg`, `<!--#config errmsg -->`) into the page.
    fn append_error_text(&self) {
        // SAFETY: all live through the element's handler.
        unsafe {
            ffi::mp_ssi_append_error_text(
                self.context.as_ptr(),
                self.filter.as_ptr(),
                self.page.as_ptr(),
            );
        }
    }

    fn has_flag(&self, flag: u32) -> bool {
        // SAFETY: live through the element's handler.
        unsafe { self.context.as_ref() }.flags & flag as i32 != 0
    }

    /// The next parameter: its name in lower case, its value with entities decoded.
    fn next_parameter(&self) -> Option<(&[u8], Option<&[u8]>)> {
        let (mut name, mut value) = (null_mut(), null_mut());
        let next = NEXT_PARAMETER.get()?;
        let decoded = ffi::SSI_VALUE_DECODED as i32;
        // SAFETY: live; two places for the answers.
        unsafe {
            next(
                self.context.as_ptr(),
                &raw mut name,
                &raw mut value,
                decoded,
            )
        };
        // SAFETY: null or NUL-terminated; kept until the element is done.
        let name = unsafe { c_bytes(name) }?;
        // SAFETY: as above.
        Some((name, unsafe { c_bytes(value) }))
    }

    /// The parameter of the element, or what is wrong with it.
    fn parameter(&self) -> Result<(Parameter, &[u8]), String> {
        let (name, code) = self.next_parameter().ok_or("has no parameter")?;
        let parameter = match name {
            b"eval" => Parameter::Eval,
            b"exec" => Parameter::Exec,
            other => {
                let other = String::from_utf8_lossy(other);
                return Err(format!("has no parameter '{other}'"));
            }
        };
        if self.next_parameter().is_some() {
            return Err("has one parameter, not several".into());
        }
        match code {
            Some(code) if !code.is_empty() => Ok((parameter, code)),
            _ => Err(format!("has no {}", String::from_utf8_lossy(name))),
        }
    }

    fn handle<T: Tags>(&self) -> Result<(), Error> {
        if !self.has_flag(ffi::SSI_FLAG_PRINTING) {
            return Ok(());
        }
        let complain = |what: &str| {
            let page = self.request().filename().unwrap_or_default();
            let page = String::from_utf8_lossy(page);
            let text = format!("<!--#python --> in {page} {what}");
            self.request().log(Level::Error, &text);
            Ok(false)
        };
        let went_well = match self.parameter() {
            Ok(_) if self.has_flag(ffi::SSI_FLAG_NO_EXEC) => {
                complain("may not run: the page's Options has IncludesNOEXEC, not Includes")
            }
            Ok((parameter, code)) => T::run(self, parameter, code),
            Err(what) => complain(&format!(
                "{what}: write eval=\"an expression\" or exec=\"statements\""
            )),
        }?;
        self.page().append_all(&self.written);
        if !went_well {
            self.append_error_text();
        }
        Ok(())
    }
}

unsafe extern "C" fn element<T: Tags>(
    context: *mut ffi::include_ctx_t,
    filter: *mut ffi::ap_filter_t,
    page: *mut ffi::apr_bucket_brigade,
) -> ffi::apr_status_t {
    let (Some(context), Some(filter), Some(page)) = (
        NonNull::new(context),
        NonNull::new(filter),
        NonNull::new(page),
    ) else {
        return Error::GENERAL.0;
    };
    // SAFETY: mod_include calls with a live context.
    let r = unsafe { context.as_ref() }.r;
    // SAFETY: the context's request is live.
    let r = unsafe { Request::from_raw(r) };
    let result = guard("an SSI element", Err(Error::GENERAL), || {
        let tag = Tag {
            context,
            filter,
            page,
            written: r.new_brigade(),
            buffered: Cell::new(0),
            failed: Cell::new(None),
        };
        let _call = calls_in_progress::begin(Direction::Output, tag.filter());
        let handled = caught("an SSI element", || tag.handle::<T>());
        handled.unwrap_or_else(|| Err(tag.fail(Status::INTERNAL_SERVER_ERROR)))
    });
    Error::code(result)
}
