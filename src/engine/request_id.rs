//! `PythonRequestID`: which header of a client names its request in the logs.

use std::ffi::CString;
use std::sync::Arc;

/// The longest id that is taken.
const LONGEST: usize = 128;
/// The header of W3C's Trace Context, whose trace id is taken.
const TRACEPARENT: &str = "traceparent";
/// What the directive takes.
const WANTED: &str =
    "takes the names of headers whose ids are believed, as in X-Request-ID, or On, or Off";

/// Where the ids of requests come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestIds {
    /// httpd makes one when an entry is logged that shows it.
    Off,
    /// httpd makes one for each request.
    Own,
    /// As `Own` for requests that have none of these headers, or whose values are no ids.
    Believed(Arc<[CString]>),
}

impl RequestIds {
    /// Reads the words of the directive.
    ///
    /// # Errors
    /// A sentence that says what to write.
    pub fn parse(words: &[String]) -> Result<Self, String> {
        let is = |word: &String, what: &str| word.eq_ignore_ascii_case(what);
        match words {
            [] => return Err(WANTED.into()),
            [word] if is(word, "on") => return Ok(Self::Own),
            [word] if is(word, "off") => return Ok(Self::Off),
            _ => {}
        }
        let header = |word: &String| {
            let is_name = !word.is_empty()
                && word.bytes().all(is_token)
                && !is(word, "on")
                && !is(word, "off");
            match CString::new(word.as_str()) {
                Ok(name) if is_name => Ok(name),
                _ => Err(format!("{WANTED}, not '{word}'")),
            }
        };
        let headers: Result<Vec<CString>, String> = words.iter().map(header).collect();
        Ok(Self::Believed(headers?.into()))
    }

    /// The headers that are believed, in the order in which they are looked at.
    pub fn headers(&self) -> &[CString] {
        match self {
            Self::Off | Self::Own => &[],
            Self::Believed(headers) => headers,
        }
    }
}

/// A character of a header's name (RFC 9110 section 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// The id in the value of a header; `None` if that is none. Lines of logs, quotes and brackets cannot be made of one,
/// nor can a comma, which stands between the values of two headers of one name.
pub fn id_of<'a>(header: &[u8], value: &'a [u8]) -> Option<&'a [u8]> {
    if header.eq_ignore_ascii_case(TRACEPARENT.as_bytes()) {
        return trace_id(value);
    }
    let is_allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:=+/@".contains(byte);
    let is_id = (1..=LONGEST).contains(&value.len()) && value.iter().all(is_allowed);
    is_id.then_some(value)
}

/// The trace id of a `traceparent`: `00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01`.
fn trace_id(value: &[u8]) -> Option<&[u8]> {
    let parts: Vec<&[u8]> = value.split(|byte| *byte == b'-').collect();
    let [version, trace, parent, flags, more @ ..] = parts.as_slice() else {
        return None;
    };
    let is_hex = |part: &[u8], length: usize| {
        part.len() == length
            && part
                .iter()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_zero = |part: &[u8]| part.iter().all(|byte| *byte == b'0');
    let is_version =
        is_hex(version, 2) && *version != b"ff" && (*version != b"00" || more.is_empty());
    let is_right = is_version && is_hex(trace, 32) && is_hex(parent, 16) && is_hex(flags, 2);
    (is_right && !is_zero(trace) && !is_zero(parent)).then_some(*trace)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<RequestIds, String> {
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        RequestIds::parse(&words)
    }

    #[test]
    fn headers_are_names() {
        assert_eq!(parse("Off"), Ok(RequestIds::Off));
        assert_eq!(parse("on"), Ok(RequestIds::Own));
        let two = parse("traceparent X-Request-ID").unwrap();
        assert_eq!(
            two.headers(),
            [c"traceparent".to_owned(), c"X-Request-ID".to_owned()]
        );
        for bad in ["", "X:Y", "On X-Request-ID", "X-Request-ID off", "(x)"] {
            assert!(parse(bad).unwrap_err().starts_with(WANTED), "{bad}");
        }
        assert!(RequestIds::parse(&[String::new()]).is_err());
    }

    #[test]
    fn an_id_is_short_and_of_few_characters() {
        let is_id =
            |value: &str| id_of(b"X-Request-ID", value.as_bytes()) == Some(value.as_bytes());
        assert!(
            is_id("a") && is_id("Root=1-67891233-abcdef012345678912345678") && is_id("a/b+c==")
        );
        assert!(is_id(&"x".repeat(128)) && !is_id(&"x".repeat(129)) && !is_id(""));
        for bad in [
            "a b", "a\nb", "a\"", "a]", "a,b", "a\\b", "é", "a\0", "<a>", "%L", "a;b", "a'",
        ] {
            assert!(!is_id(bad), "{bad}");
        }
    }

    #[test]
    fn of_traceparent_the_trace_is_taken() {
        let (trace, rest) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331-01");
        let of = |value: &str| id_of(b"Traceparent", value.as_bytes()).map(<[u8]>::to_vec);
        assert_eq!(of(&format!("00-{trace}-{rest}")).unwrap(), trace.as_bytes());
        assert_eq!(
            of(&format!("01-{trace}-{rest}-more")).unwrap(),
            trace.as_bytes()
        );
        for bad in [
            format!("00-{trace}-{rest}-more"),
            format!("ff-{trace}-{rest}"),
            format!("00-{}-{rest}", trace.to_uppercase()),
            format!("00-{}-{rest}", "0".repeat(32)),
            format!("00-{trace}-0000000000000000-01"),
            format!("00-{trace}x-{rest}"),
            trace.to_string(),
            String::new(),
        ] {
            assert_eq!(of(&bad), None, "{bad}");
        }
    }
}
