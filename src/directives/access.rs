//! The directives of access control: `PythonAuthProvider`, and httpd's own `Require` for `python`.

use std::sync::Arc;

use super::arguments::{Setting, one};
use super::home;
use crate::engine::access::{AuthProvider, Requirement};
use crate::httpd::server::config::Line;

/// `PythonAuthProvider`.
///
/// # Errors
/// A sentence that says what to write.
pub fn provider(line: &Line<'_>) -> Setting {
    let text = one(
        line,
        "module, or module::object, whose functions are check_password and get_realm_hash",
    )?;
    let provider = AuthProvider::parse(&text, &home(line), &line.source().into())?;
    let provider = Arc::new(provider);
    Ok(Box::new(move |settings| {
        settings.auth_provider = Some(provider.clone());
    }))
}

/// What follows `Require python`.
///
/// # Errors
/// A sentence that says what to write.
pub fn requirement(line: &Line<'_>) -> Result<Requirement, String> {
    Requirement::parse(line.words(), &home(line), &line.source().into())
}
