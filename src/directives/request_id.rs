//! `PythonRequestID`.

use super::arguments::Setting;
use crate::engine::request_id::RequestIds;
use crate::httpd::server::config::Line;

/// Reads a line of `PythonRequestID`.
pub(super) fn request_id(line: &Line<'_>) -> Setting {
    let rule = RequestIds::parse(&line.words())?;
    Ok(Box::new(move |settings| {
        settings.request_ids = Some(rule.clone());
    }))
}
