//! Entries for the error log, as Python code gives them: a level and a message.

use pyo3::prelude::*;

use crate::engine::log_text::in_pieces;
use crate::httpd::log::Level;
use crate::python::object::arguments::given;
use crate::python::text::encode_for_log;

/// An argument for the level of an entry, one of `APLOG_*`; 0, None or left out for the default.
///
/// # Errors
/// `TypeError` for anything but an int.
pub fn log_level(value: Option<&Bound<'_, PyAny>>, default: Level) -> PyResult<Level> {
    match given(value) {
        None => Ok(default),
        Some(value) => match value.extract::<i64>()? {
            0 => Ok(default),
            number => Ok(Level::from_number(number)),
        },
    }
}

/// Calls `log` with a message without its line end: once, or once for each piece of one that is too long for an entry.
///
/// # Errors
/// `TypeError` for what is no text.
fn loggable(message: &Bound<'_, PyAny>, log: impl FnMut(&[u8])) -> PyResult<()> {
    let text = encode_for_log(message)?;
    in_pieces(text.strip_suffix(b"\n").unwrap_or(&text), log);
    Ok(())
}

/// What `log_error(message, level)` of each object does: one entry at a level, `error` where none is given. A message
/// of None is no entry.
///
/// # Errors
/// `TypeError` for a level that is no int, or a message that is no text.
pub fn log_message(
    message: &Bound<'_, PyAny>,
    level: Option<&Bound<'_, PyAny>>,
    mut log: impl FnMut(Level, &[u8]),
) -> PyResult<()> {
    let level = log_level(level, Level::Error)?;
    match given(Some(message)) {
        Some(message) => loggable(message, |entry| log(level, entry)),
        None => Ok(()),
    }
}
