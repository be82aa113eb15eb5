//! `PythonOption`.

use std::sync::Arc;

use super::arguments::{Setting, is_on};
use crate::engine::settings::MUTEX_LOCKS;
use crate::httpd::server::config::Line;

/// The option that says of which kind the event loops of asyncio are.
const EVENT_LOOP: &str = "mod_python.event_loop";

/// Reads a line of `PythonOption`. Values of the module's own keys are looked at when the configuration is read.
pub fn option(line: &Line<'_>) -> Setting {
    let (key, value) = match line.words().as_slice() {
        [key] if !key.is_empty() => (key.clone(), String::new()),
        [key, value] if !key.is_empty() => (key.clone(), value.clone()),
        _ => return Err("takes a key and a value: write PythonOption key value".into()),
    };
    let small = key.to_lowercase();
    if small == MUTEX_LOCKS && !value.is_empty() {
        let count = value.parse::<usize>().ok();
        count
            .filter(|count| (1..=1000).contains(count))
            .ok_or_else(|| {
                format!(
                    "{key} is a number of locks from 1 to 1000, not '{value}': the default is 8"
                )
            })?;
    }
    if small == EVENT_LOOP && !["", "asyncio", "uvloop"].contains(&value.as_str()) {
        return Err(format!("{key} is asyncio or uvloop, not '{value}'"));
    }
    let shortcut = match small.as_str() {
        "mod_python.location_shortcut" if !value.is_empty() => {
            Some(is_on(&value).map_err(|sentence| format!("{key} {sentence}"))?)
        }
        "mod_python.location_shortcut" => Some(false),
        _ => None,
    };
    Ok(Box::new(move |settings| {
        settings.location_shortcut = shortcut.or(settings.location_shortcut);
        Arc::make_mut(&mut settings.options).insert(key.clone(), value.clone());
    }))
}
