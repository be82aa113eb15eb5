//! The values of a declaration's keys: words, media types, seconds and sizes.

use std::time::Duration;

/// The keys whose values are words, and the words.
const WORDS: [(&str, &[&str]); 4] = [
    ("change", &["yes", "1:1", "no"]),
    ("encoding", &["identity", "decode", "any"]),
    ("on_error", &["fail", "pass"]),
    ("range", &["part", "whole"]),
];

/// What to write in place of a word that the key does not have.
pub(super) fn wrong_word(key: &str, value: &str) -> String {
    let words = WORDS.iter().find(|(name, _)| *name == key);
    let mut choices: Vec<_> = words.map_or(&[][..], |(_, words)| words).iter().collect();
    let last = choices.pop().map_or("", |word| *word);
    let others: Vec<_> = choices.iter().map(|word| format!("{key}={word}")).collect();
    format!("{key}={value}: write {} or {key}={last}", others.join(", "))
}

/// The media types of `types=`, in lower case and without parameters: those of a `Content-Type` are not compared.
pub(super) fn media_types(value: &str) -> Result<Vec<String>, String> {
    let essence = |one: &str| {
        let essence = one.split(';').next().unwrap_or_default();
        essence.trim().to_ascii_lowercase()
    };
    let types: Vec<_> = value.split(',').map(essence).collect();
    let is_type = |one: &String| {
        one.split_once('/').is_some_and(|(kind, subtype)| {
            !kind.is_empty() && !subtype.is_empty() && !subtype.contains('/')
        })
    };
    if !types.iter().all(is_type) {
        return Err(format!(
            "types={value}: write media types, as in types=text/html,text/*"
        ));
    }
    Ok(types)
}

/// The seconds of `time=`, more than none.
pub(super) fn seconds(value: &str) -> Result<Duration, String> {
    let seconds = value.parse().ok().filter(|seconds| *seconds > 0.0);
    let time = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    time.ok_or_else(|| format!("time={value}: write a number of seconds, as in time=2 or time=0.5"))
}

/// The bytes of a key such as `joined=`, more than none.
pub(super) fn positive_size(key: &str, value: &str) -> Result<usize, String> {
    size(value).filter(|size| *size > 0).ok_or_else(|| {
        format!("{key}={value}: write a number of bytes above 0, as in {key}=64K or {key}=16M")
    })
}

/// A size in bytes: `1000`, `64K`, `1M`, `2G`.
pub fn size(text: &str) -> Option<usize> {
    let digits = text.trim_end_matches(['k', 'K', 'm', 'M', 'g', 'G']);
    let shift = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        _ => return None,
    };
    digits.parse::<usize>().ok()?.checked_mul(1 << shift)
}
