//! Rules for the tables of headers: which headers of a response Python code cannot set, and what changing those that
//! frame a body (Content-Length, Transfer-Encoding) means.

use std::ffi::CStr;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::engine::settings::Settings;
use crate::httpd::filter::response_head::strict_length;
use crate::httpd::log::Level;
use crate::httpd::{Request, Table};
use crate::python::runtime::context::About;
use crate::python::runtime::interpreter::unlocked;
use crate::python::text::{
    has_controls, is_token, refuse_controls, refuse_line_ends, refuse_no_token,
};

/// A table of a request.
#[derive(Clone, Copy)]
pub struct Which {
    /// Finds the table.
    pub table: fn(&Request) -> &Table,
    /// The rules that apply to it.
    pub headers: Headers,
}

/// The rules for a table of a request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Headers {
    /// No rules: notes, environment. Texts in it may have line ends.
    None,
    /// The trailers behind a body: no line ends.
    Trailers,
    /// The headers of the request.
    OfRequest,
    /// The headers of the response.
    OfResponse,
}

impl Headers {
    /// To be called before the entries of a key, or all, are removed or replaced. With `PythonDebug On`, it warns of
    /// headers of a response that has begun.
    pub fn are_to_lose(self, r: &Request, key: Option<&CStr>) {
        match self {
            Self::None | Self::Trailers => {}
            Self::OfRequest => {
                let any = |name| key.is_none_or(|key| is(key, name));
                if any("Content-Length") || any("Transfer-Encoding") {
                    // It may log.
                    unlocked(|| r.settle_body_framing(any("Transfer-Encoding")));
                }
            }
            Self::OfResponse => {
                if r.settings::<Settings>().debug == Some(true) && r.has_started() {
                    let request = r.the_request().unwrap_or_default();
                    let request = String::from_utf8_lossy(request);
                    let which = key.map_or("all of them".into(), CStr::to_string_lossy);
                    let text = format!(
                        "a header was changed after the head of the response was sent: change it before the \
                         first write() that is flushed ({which}, for \"{request}\")"
                    );
                    About::Request(r).log(Level::Warning, &text);
                }
            }
        }
    }

    /// Checks an entry that is to be added. `is_known`: whether the table has an entry of its key that stays.
    ///
    /// # Errors
    /// `ValueError` for a line end, and for headers of a response with which a client could not tell where it ends, and
    /// for names and values that httpd refuses to send. httpd would answer with 500 when it sends the headers, and the
    /// log could not name the line of Python that had set them.
    pub fn may_get(
        self,
        key: &CStr,
        value: &CStr,
        is_known: impl FnOnce() -> bool,
    ) -> PyResult<()> {
        let (name, content) = (key.to_bytes(), value.to_bytes());
        let is_checked = self == Self::OfResponse && is_token(name) && !has_controls(content);
        if self != Self::None && !is_checked {
            refuse_line_ends(name)?;
            refuse_line_ends(content)?;
        }
        if self != Self::OfResponse {
            return Ok(());
        }
        if !is_checked {
            refuse_no_token(name)?;
            let header = || format!("the header {}", key.to_string_lossy());
            refuse_controls(header, content)?;
        }
        let text = || value.to_string_lossy();
        if is(key, "Transfer-Encoding") {
            return Err(PyValueError::new_err(format!(
                "Transfer-Encoding: {} cannot be set: httpd frames the response. Leave the header out, and write the body \
                 as it is",
                text()
            )));
        }
        if !is(key, "Content-Length") {
            return Ok(());
        }
        if strict_length(value.to_bytes()).is_none() {
            return Err(PyValueError::new_err(format!(
                "Content-Length: {} is no length: write the number of bytes in the body, or leave it to httpd",
                text()
            )));
        }
        if is_known() {
            return Err(PyValueError::new_err(format!(
                "Content-Length is set already: replace it with req.set_content_length({})",
                text()
            )));
        }
        Ok(())
    }
}

fn is(key: &CStr, name: &str) -> bool {
    key.to_bytes().eq_ignore_ascii_case(name.as_bytes())
}
