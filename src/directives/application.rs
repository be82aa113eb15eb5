//! `PythonApplication`.

use std::sync::Arc;

use super::arguments::Setting;
use crate::engine::application::Application;
use crate::httpd::server::config::{Line, Section};

/// Reads a line of `PythonApplication`.
pub(super) fn application(line: &Line<'_>) -> Setting {
    let location = match line.section() {
        Section::Server if !line.is_conditional() => None,
        Section::Location(path) if !line.is_conditional() => Some(path),
        _ => {
            return Err(
                "stands in a section whose requests are not known before httpd looks for files: write \
                 PythonApplication /path wsgi module:callable outside of it, or PythonApplication wsgi \
                 module:callable in <Location /path>"
                    .into(),
            );
        }
    };
    let (words, home, source) = (line.words(), super::home(line), line.source().into());
    let application = Arc::new(Application::parse(
        &words,
        location.as_deref(),
        &home,
        &source,
    )?);
    Ok(Box::new(move |settings| {
        Arc::make_mut(&mut settings.applications).add(&application);
    }))
}
