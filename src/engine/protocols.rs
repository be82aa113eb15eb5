//! Protocols that peers ask for by name: in TLS (ALPN, RFC 7301), or with a request's `Upgrade`
//! field (RFC 9110 §7.8).

use std::ffi::CString;
use std::sync::Arc;

use super::handler_lists::List;
use super::handlers::{Handler, HandlerList, Home};

/// The most bytes that a name has in TLS (RFC 7301 §3.1).
const LONGEST: usize = 255;

/// One `PythonProtocol`.
#[derive(Debug)]
pub struct Protocol {
    /// The name, as peers and `Protocols` write it.
    pub name: CString,
    /// The list of its handlers, which has one entry.
    pub handlers: List,
}

impl Protocol {
    /// Reads `NAME module[::function]`.
    ///
    /// # Errors
    /// A sentence that says what to write.
    pub fn parse(words: &[String], source: &Arc<str>) -> Result<Self, String> {
        let [name, handler] = words else {
            return Err(
                "takes the name of a protocol and one handler: write PythonProtocol chat \
                 module::function"
                    .into(),
            );
        };
        check_name(name)?;
        let list = HandlerList::parse(std::slice::from_ref(handler), &Home::None, source)?;
        Ok(Self {
            name: CString::new(name.as_str()).map_err(|_| "a NUL in a name")?,
            handlers: list.handlers.into(),
        })
    }

    /// Its handler.
    pub fn handler(&self) -> Option<&Handler> {
        self.handlers.first()
    }

    /// Whether a name that a peer offers is this protocol's. TLS compares bytes; in `Upgrade` case is ignored.
    pub fn is_meant_by(&self, offer: &[u8], in_upgrade: bool) -> bool {
        let name = self.name.as_bytes();
        name == offer || (in_upgrade && name.eq_ignore_ascii_case(offer))
    }
}

/// Refuses texts that are no name of a protocol, and names of protocols that Python cannot serve.
fn check_name(name: &str) -> Result<(), String> {
    let is_token = |part: &str| {
        let tchar = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        !part.is_empty() && part.bytes().all(tchar)
    };
    let (token, version) = match name.split_once('/') {
        Some((token, version)) => (token, Some(version)),
        None => (name, None),
    };
    if !is_token(token) || !version.is_none_or(is_token) || name.len() > LONGEST {
        return Err(format!(
            "'{name}' is no name of a protocol: write letters, digits and -._ of it, at most \
             {LONGEST}, with one / before a version, as in chat or chat/2"
        ));
    }
    let small = name.to_ascii_lowercase();
    let why = match small.as_str() {
        "h2" | "h2c" => "mod_http2 serves it: load that, and write a PythonHandler",
        "websocket" => {
            "httpd cannot compute the answer to its handshake: write a PythonHandler, which can"
        }
        "acme-tls/1" => "mod_md serves it: write MDomain",
        "mod_python" => "this module uses the name itself: write another name",
        _ if small == "http" || small.starts_with("http/") => {
            "httpd itself serves it: write a PythonHandler, or a PythonConnectionHandler that \
             peeks and declines"
        }
        _ if small == "h3" || small.starts_with("h3-") => {
            "it is spoken over UDP, where httpd does not listen: write another name"
        }
        _ => return Ok(()),
    };
    Err(format!("cannot serve '{name}', because {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Protocol, String> {
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        Protocol::parse(&words, &"test.conf:1".into())
    }

    #[test]
    fn a_protocol_has_a_name_and_one_handler() {
        let protocol = parse("chat/2 talk::serve").unwrap();
        assert_eq!(protocol.name.as_c_str(), c"chat/2");
        assert_eq!(protocol.handler().unwrap().text(), "talk::serve");
        for bad in ["", "chat", "chat a b", "chat a::", "chat a | .py"] {
            assert!(parse(bad).unwrap_err().contains("write "), "{bad}");
        }
    }

    #[test]
    fn names_are_tokens_and_not_somebody_elses() {
        for good in ["chat", "xmpp-client", "irc/1.0", "ntske/1", "TLS/1.0"] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        let long = "x".repeat(256);
        for bad in ["", "/", "a/", "/1", "a/1/2", "a,b", "caf\u{e9}", &long] {
            assert!(check_name(bad).unwrap_err().contains("as in chat"), "{bad}");
        }
        for bad in [
            "http/1.1",
            "HTTP/1.0",
            "http",
            "h2",
            "h2c",
            "h3",
            "h3-29",
            "websocket",
            "WebSocket",
            "acme-tls/1",
            "mod_python",
        ] {
            let sentence = check_name(bad).unwrap_err();
            assert!(sentence.contains("cannot serve"), "{bad}: {sentence}");
        }
    }

    #[test]
    fn case_means_nothing_in_upgrade() {
        let protocol = parse("Chat m").unwrap();
        assert!(protocol.is_meant_by(b"Chat", false) && protocol.is_meant_by(b"Chat", true));
        assert!(!protocol.is_meant_by(b"chat", false) && protocol.is_meant_by(b"chat", true));
        assert!(!protocol.is_meant_by(b"chats", true));
    }
}
