//! The readers of a request's body, and which of them need its `Content-Length`.
//!
//! An input filter may change the length of a body, and then only the end of the body tells how long it is. Readers
//! that take a body in chunks, or to its end, cope with that. All others would refuse the request (411), or take it
//! for one without a body. The table in docs/filters.md has what was observed.

/// What a reader needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyReader {
    /// It reads to the end, or it does not read: it needs no length.
    ToTheEnd,
    /// It needs the length.
    ByLength,
    /// A handler that is not in these tables. It is given the length. It may also redirect the request (as an
    /// `Action` does), and then the filters of the other request need the body as the client has sent it.
    Unknown,
}

/// Handlers that read to the end, that read nothing, or that redirect the request before its body is read.
const TO_THE_END: [&[u8]; 9] = [
    b"mod_python",
    // It is given the length where the application is called.
    super::application::HANDLER,
    b"python-program",
    b"dav-handler",
    b"default-handler",
    b"redirect-handler",
    b"type-map",
    b"imap-file",
    // mod_proxy: decided when the scheme is known, by `of_url`.
    b"proxy-server",
];

/// Handlers of which it is known that they need a length, and that they answer the request themselves.
const BY_LENGTH: [&[u8]; 10] = [
    b"cgi-script",
    b"application/x-httpd-cgi",
    b"lua-script",
    b"wsgi-script",
    b"application/x-httpd-wsgi",
    b"perl-script",
    b"modperl",
    b"fcgid-script",
    b"fastcgi-script",
    b"application/x-httpd-php",
];

/// Schemes of mod_proxy whose protocol has chunks, frames, or no bodies.
const STREAMED_SCHEMES: [&[u8]; 7] = [b"http", b"https", b"h2", b"h2c", b"ajp", b"ws", b"wss"];

/// The reader behind a name of `SetHandler`.
pub fn of_handler(name: &[u8]) -> BodyReader {
    if TO_THE_END.contains(&name) || name.starts_with(b"proxy:") {
        BodyReader::ToTheEnd
    } else if BY_LENGTH.contains(&name) {
        BodyReader::ByLength
    } else {
        BodyReader::Unknown
    }
}

/// The reader behind a URL to which mod_proxy hands a request.
pub fn of_url(url: &[u8]) -> BodyReader {
    let scheme = url.split(|byte| *byte == b':').next().unwrap_or_default();
    let is_scheme = |one: &&[u8]| one.eq_ignore_ascii_case(scheme);
    match STREAMED_SCHEMES.iter().any(is_scheme) {
        true => BodyReader::ToTheEnd,
        false => BodyReader::ByLength,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_that_nobody_knows_are_given_a_length() {
        assert_eq!(of_handler(b"wsgi-script"), BodyReader::ByLength);
        assert_eq!(of_handler(b"my-own-handler"), BodyReader::Unknown);
        assert_eq!(of_handler(b"text/html"), BodyReader::Unknown);
        assert_eq!(of_handler(b"mod_python"), BodyReader::ToTheEnd);
        assert_eq!(of_url(b"uwsgi://127.0.0.1:9/"), BodyReader::ByLength);
        assert_eq!(of_url(b"gopher://127.0.0.1/"), BodyReader::ByLength);
    }

    #[test]
    fn mod_proxy_is_judged_by_its_scheme() {
        assert_eq!(of_handler(b"proxy-server"), BodyReader::ToTheEnd);
        assert_eq!(of_handler(b"proxy:fcgi://localhost"), BodyReader::ToTheEnd);
        assert_eq!(of_url(b"fcgi://localhost/a.php"), BodyReader::ByLength);
        assert_eq!(of_url(b"HTTP://localhost/"), BodyReader::ToTheEnd);
        assert_eq!(of_url(b"h2c://localhost/"), BodyReader::ToTheEnd);
    }
}
