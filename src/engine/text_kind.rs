//! The texts that a traceback can be appended to.

/// A media type that people read, and how characters are written in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextKind {
    /// `text/html`
    Html,
    /// `text/plain`
    Plain,
}

impl TextKind {
    /// The kind of a media type, with or without parameters; `None` for all others.
    pub fn of(media_type: &[u8]) -> Option<Self> {
        let name = media_type.split(|byte| *byte == b';').next()?.trim_ascii();
        let kinds = [
            (&b"text/html"[..], Self::Html),
            (b"text/plain", Self::Plain),
        ];
        let found = kinds
            .into_iter()
            .find(|(kind, _)| name.eq_ignore_ascii_case(kind));
        found.map(|(_, kind)| kind)
    }

    /// Its media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Html => "text/html",
            Self::Plain => "text/plain",
        }
    }

    /// A text in ASCII, whatever the charset of the response is: other characters as references of HTML, or as escapes
    /// of Python.
    pub fn in_ascii(self, text: &str) -> String {
        let mut ascii = String::with_capacity(text.len());
        for character in text.chars() {
            let number = u32::from(character);
            match (character.is_ascii(), self) {
                (true, _) => ascii.push(character),
                (false, Self::Html) => ascii += &format!("&#{number};"),
                (false, Self::Plain) if number > 0xffff => ascii += &format!("\\U{number:08x}"),
                (false, Self::Plain) => ascii += &format!("\\u{number:04x}"),
            }
        }
        ascii
    }
}

/// Whether a text ends with the end tag of HTML, within so many characters.
pub fn ends_html(text: &str, most: usize) -> bool {
    // As Python's `str.rstrip()`.
    let stripped = |text: &str| {
        text.trim_end_matches(|c: char| c.is_whitespace() || ('\x1c'..='\x1f').contains(&c))
            .len()
    };
    let Some(inner) = text[..stripped(text)].strip_suffix('>') else {
        return false;
    };
    let Some(start) = stripped(inner).checked_sub("</html".len()) else {
        return false;
    };
    let tag = inner.get(start..stripped(inner));
    tag.is_some_and(|tag| tag.eq_ignore_ascii_case("</html"))
        && text[start..].chars().count() <= most
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_is_known_by_its_end_tag() {
        for html in ["</html>", "<p></HTML >\n ", "\u{e9}</html\t>\x1c"] {
            assert!(ends_html(html, 100), "{html}");
        }
        for other in [
            "",
            ">",
            "html>",
            "</html",
            "</html> x",
            "\u{e9}html>",
            "<html>",
            "\u{e9}\u{e9}/html>",
        ] {
            assert!(!ends_html(other, 100), "{other}");
        }
        let far = |spaces| format!("</html>{}", " ".repeat(spaces));
        assert!(ends_html(&far(93), 100));
        assert!(!ends_html(&far(94), 100));
    }

    #[test]
    fn kinds_are_told_by_the_media_type_alone() {
        for html in ["text/html", "Text/HTML; charset=utf-8", " text/html ;x"] {
            assert_eq!(
                TextKind::of(html.as_bytes()),
                Some(TextKind::Html),
                "{html}"
            );
        }
        assert_eq!(TextKind::of(b"text/plain;a=b"), Some(TextKind::Plain));
        for other in [
            "",
            "text",
            "text/htmlx",
            "text/css",
            "application/json",
            ";text/html",
        ] {
            assert_eq!(TextKind::of(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn other_characters_are_written_in_ascii() {
        let text = "a<\u{e9}\u{20ac}\u{1f600}";
        assert_eq!(TextKind::Html.in_ascii(text), "a<&#233;&#8364;&#128512;");
        assert_eq!(
            TextKind::Plain.in_ascii(text),
            "a<\\u00e9\\u20ac\\U0001f600"
        );
    }
}
