//! Basic credentials (RFC 7617), and paths in request lines (RFC 9112 §3.2.1).

/// The value of an `Authorization` field of the scheme `Basic`. `None` if the field cannot carry them: a colon
/// would end the name, and a NUL the name or password.
pub fn basic(user: &[u8], password: &[u8]) -> Option<String> {
    if user.contains(&b':') || user.contains(&0) || password.contains(&0) {
        return None;
    }
    let pair = [user, b":", password].concat();
    Some(format!("Basic {}", base64(&pair)))
}

/// Base 64 (RFC 4648 §4).
fn base64(data: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(data.len().div_ceil(3) * 4);
    for part in data.chunks(3) {
        let byte = |at: usize| u32::from(part.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            let value = bits >> (18 - 6 * digit) & 63;
            match digit <= part.len() as u32 {
                true => text.push(char::from(DIGITS[value as usize])),
                false => text.push('='),
            }
        }
    }
    text
}

/// Whether a text may be the path of a request line: it begins with a slash, and has no byte that would end
/// it there unquoted.
pub fn is_path(uri: &[u8]) -> bool {
    uri.starts_with(b"/") && uri.iter().all(u8::is_ascii_graphic) && !uri.contains(&b'#')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_is_base_64_of_both() {
        for (user, password, value) in [
            (
                "Aladdin",
                "open sesame",
                "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
            ),
            ("test", "123\u{a3}", "Basic dGVzdDoxMjPCow=="),
            ("", "", "Basic Og=="),
            ("a", "b", "Basic YTpi"),
            ("a", "b:c", "Basic YTpiOmM="),
        ] {
            let basic = basic(user.as_bytes(), password.as_bytes());
            assert_eq!(basic.as_deref(), Some(value));
        }
        let all: Vec<u8> = (1..=255).collect();
        assert_eq!(base64(&all[..3]), "AQID");
        assert!(basic(b"x", &all).unwrap().ends_with("z9/v8="));
    }

    #[test]
    fn what_basic_cannot_carry_is_nobodys() {
        assert_eq!(basic(b"a:b", b"c"), None);
        assert_eq!(basic(b"ann\0x", b"secret"), None);
        assert_eq!(basic(b"ann", b"secret\0x"), None);
    }

    #[test]
    fn a_path_cannot_end_its_line() {
        assert!(is_path(b"/") && is_path(b"/a/b?c=d%20e"));
        for bad in [
            &b""[..],
            b"a",
            b"*",
            b"http://x/",
            b"/a b",
            b"/a\r\nX: y",
            b"/\xff",
            b"/a#b",
        ] {
            assert!(!is_path(bad), "{bad:?}");
        }
    }
}
