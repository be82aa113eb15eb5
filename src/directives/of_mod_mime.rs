//! `AddHandler` and `RemoveHandler`: directives of mod_mime, whose lines httpd also reads to each other module that has
//! a directive of the name. The publisher takes the extensions that lead to Python for no part of a name.

use std::sync::Arc;

use super::arguments::Setting;
use crate::httpd::server::config::Line;
use crate::httpd::server::process::has_module;

/// Reads a line of `AddHandler`. What is wrong with it, mod_mime says.
pub fn add_handler(line: &Line<'_>) -> Setting {
    let words = words(line)?;
    Ok(Box::new(move |settings| {
        if let [handler, extensions @ ..] = &*words {
            Arc::make_mut(&mut settings.extensions).add(handler, extensions);
        }
    }))
}

/// Reads a line of `RemoveHandler`.
pub fn remove_handler(line: &Line<'_>) -> Setting {
    let words = words(line)?;
    Ok(Box::new(move |settings| {
        Arc::make_mut(&mut settings.extensions).remove(&words)
    }))
}

fn words(line: &Line<'_>) -> Result<Vec<String>, String> {
    match has_module(c"mod_mime.c") {
        true => Ok(line.words()),
        false => Err(
            "is a directive of mod_mime, which is not loaded: load it with LoadModule mime_module"
                .into(),
        ),
    }
}
