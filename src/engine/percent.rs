//! Percent-encoding (RFC 3986, section 2.1).

/// Bytes without their escapes. What is no escape stays as it is, but for `+`, which stands for `plus`: a blank in a query,
/// itself in a path.
pub fn decoded(bytes: &[u8], plus: u8) -> Vec<u8> {
    let mut found = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [first, after @ ..] = rest {
        rest = after;
        found.push(match (first, after) {
            (b'+', _) => plus,
            (b'%', [high, low, behind @ ..]) => match (digit(*high), digit(*low)) {
                (Some(high), Some(low)) => {
                    rest = behind;
                    high << 4 | low
                }
                _ => b'%',
            },
            _ => *first,
        });
    }
    found
}

/// The value of a hexadecimal digit.
fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_two_digits_make_an_escape() {
        assert_eq!(decoded(b"a%20b+c%2B%2b", b'+'), b"a b+c++");
        assert_eq!(decoded(b"a%20b+c%2B", b' '), b"a b c+");
        assert_eq!(decoded(b"%+1%1%zz%", b'+'), b"%+1%1%zz%");
    }
}
