//! The arguments of directives. All functions return, as an error, a sentence that says what to write instead; `what`
//! names it.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::engine::settings::Settings;
use crate::httpd::server::config::{Line, SettingsChange};

/// What a directive's line changes, or a sentence that says what to write instead.
pub type Setting = Result<SettingsChange<Settings>, String>;

/// The one argument of a directive.
pub fn one(line: &Line<'_>, what: &str) -> Result<String, String> {
    match <[String; 1]>::try_from(line.words()) {
        Ok([word]) if !word.is_empty() => Ok(word),
        _ => Err(format!("takes one argument: write {what}")),
    }
}

/// The sentence about an argument that is not `what` the directive takes.
pub fn refused(what: &str, argument: &str) -> String {
    format!("takes {what}, not '{argument}'")
}

/// The setting for one argument that is a number.
pub fn number(
    line: &Line<'_>,
    what: &str,
    field: fn(&mut Settings) -> &mut Option<usize>,
) -> Setting {
    let word = one(line, what)?;
    let number = word.parse().map_err(|_| refused(what, &word))?;
    Ok(Box::new(move |settings| *field(settings) = Some(number)))
}

/// The setting for one argument that is a time in seconds.
pub fn seconds(
    line: &Line<'_>,
    what: &str,
    range: RangeInclusive<Duration>,
    field: fn(&mut Settings) -> &mut Option<Duration>,
) -> Setting {
    let word = one(line, what)?;
    let seconds = word.parse().ok();
    let time = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let time = time.filter(|time| range.contains(time));
    let time = time.ok_or_else(|| refused(what, &word))?;
    Ok(Box::new(move |settings| *field(settings) = Some(time)))
}

/// Whether a word is On or Off.
pub fn is_on(value: &str) -> Result<bool, String> {
    match value.to_ascii_lowercase().as_str() {
        "on" => Ok(true),
        "off" => Ok(false),
        other => Err(format!("is On or Off, not '{other}'")),
    }
}

/// The setting for On or Off.
pub fn flag(line: &Line<'_>, field: fn(&mut Settings) -> &mut Option<bool>) -> Setting {
    let value = is_on(&one(line, "On or Off")?)?;
    Ok(Box::new(move |settings| *field(settings) = Some(value)))
}
