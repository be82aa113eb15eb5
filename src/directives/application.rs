//! `PythonApplication`.

use std::sync::Arc;

use super::arguments::Setting;
use crate::engine::application::{Application, MountedAt};
use crate::httpd::server::config::{Line, Section};
use crate::requests;

/// Reads a line of `PythonApplication`.
pub(super) fn application(line: &Line<'_>) -> Setting {
    let location = match line.section() {
        Section::Server if !line.is_conditional() => None,
        Section::Location(path) if !line.is_conditional() => Some(path),
        _ => {
            return Err(
                "stands in a section whose requests are not known before httpd looks for files: write \
                 PythonApplication /path wsgi module:callable outside of it, or PythonApplication wsgi \
                 module:callable in <Location /path>; likewise asgi"
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
    let mut known = requests::applications(line.configuration());
    let mounted = MountedAt {
        application: application.clone(),
        server: line.server_address(),
        section: line.section_address(),
    };
    mounted.check(&known)?;
    let _ = application.number.set(known.len());
    known.push(mounted);
    Ok(Box::new(move |settings| {
        Arc::make_mut(&mut settings.applications).add(&application);
    }))
}
