//! Entries for the error log, as Python code gives them: a level and a message.

use pyo3::prelude::*;

use crate::engine::log_text::in_pieces;
use crate::httpd::log::Level;
use crate::python::text::encode;

/// A log level argument; 0, None or left out for the default.
pub fn log_level(value: Option<Borrowed<'_, '_, PyAny>>, default: Level) -> PyResult<Level> {
    match value.filter(|value| !value.is_none()) {
        None => Ok(default),
        Some(value) => match value.extract::<i64>()? {
            0 => Ok(default),
            number => Ok(Level::from_number(number)),
        },
    }
}

/// Gives `log` a message, whatever bytes it came from: as one entry, unless it is too long for that.
///
/// # Errors
/// `TypeError` for what is no text.
pub fn loggable(message: &Bound<'_, PyAny>, log: impl FnMut(&[u8])) -> PyResult<()> {
    let text = encode(message)?;
    in_pieces(text.strip_suffix(b"\n").unwrap_or(&text), log);
    Ok(())
}
