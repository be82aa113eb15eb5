//! The fields of a query, `name=value` between `&` or `;`, as `urllib.parse.parse_qsl` of Python takes it apart.

use std::borrow::Cow;

use super::percent;

/// The names and values of a query of ASCII. `keep_blank`: those without a value, too.
pub fn fields(
    query: &str,
    keep_blank: bool,
) -> impl Iterator<Item = (Cow<'_, [u8]>, Cow<'_, [u8]>)> {
    query.split(['&', ';']).filter_map(move |part| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let is_kept = !value.is_empty() || (keep_blank && !part.is_empty());
        is_kept.then(|| (decoded(name), decoded(value)))
    })
}

fn decoded(text: &str) -> Cow<'_, [u8]> {
    let bytes = text.as_bytes();
    match bytes.iter().any(|byte| matches!(byte, b'%' | b'+')) {
        true => Cow::Owned(percent::decoded(bytes, b' ')),
        false => Cow::Borrowed(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(query: &str, keep_blank: bool) -> Vec<(String, String)> {
        let text = |bytes: Cow<'_, [u8]>| String::from_utf8_lossy(&bytes).into_owned();
        let found = fields(query, keep_blank);
        found
            .map(|(name, value)| (text(name), text(value)))
            .collect()
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = |(name, value): &(&str, &str)| (name.to_string(), value.to_string());
        pairs.iter().map(owned).collect()
    }

    #[test]
    fn names_and_values_are_found_in_their_order() {
        assert_eq!(
            texts("a=1&b=2;a=3", false),
            pairs(&[("a", "1"), ("b", "2"), ("a", "3")])
        );
        assert_eq!(texts("a=1=2&=3", false), pairs(&[("a", "1=2"), ("", "3")]));
        assert_eq!(texts("", true), []);
    }

    #[test]
    fn fields_without_a_value_are_kept_on_demand() {
        assert_eq!(texts("a&b=&&c=1", false), pairs(&[("c", "1")]));
        assert_eq!(
            texts("a&b=&&=&c=1", true),
            pairs(&[("a", ""), ("b", ""), ("", ""), ("c", "1")])
        );
    }

    #[test]
    fn escapes_are_decoded_once() {
        assert_eq!(
            texts("a+b=%3D%2b%e2%82%AC", false),
            pairs(&[("a b", "=+\u{20ac}")])
        );
        assert_eq!(
            texts("%=%&%4=%zz&%2541=%", false),
            pairs(&[("%", "%"), ("%4", "%zz"), ("%41", "%")])
        );
    }
}
