//! The media types that a client prefers (`Accept`, RFC 9110 §12.5.1).

/// Whether an error page is sent as HTML, by the value of `Accept`: to clients that name it, as browsers do, and
/// do not prefer plain text. A bare `*/*` is that of a tool, which gets plain text.
pub fn prefers_html(accept: &str) -> bool {
    let quality = |wanted: &str| {
        let of_range = |range: &str| {
            let mut parts = range.split(';').map(str::trim);
            let named = parts.next()?.eq_ignore_ascii_case(wanted);
            let q = parts.find_map(|p| p.strip_prefix("q=").or_else(|| p.strip_prefix("Q=")));
            named.then(|| q.map_or(1.0, |q| q.parse().unwrap_or(0.0)))
        };
        accept.split(',').find_map(of_range).unwrap_or(0.0_f32)
    };
    let html = quality("text/html");
    html > 0.0 && html >= quality("text/plain")
}

#[cfg(test)]
mod tests {
    use super::prefers_html;

    #[test]
    fn browsers_see_html() {
        assert!(prefers_html(
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
        ));
        assert!(prefers_html("application/json, TEXT/HTML ; Q=0.5"));
        assert!(prefers_html("text/plain, text/html"));
    }

    #[test]
    fn others_see_text() {
        for accept in [
            "",
            "*/*",
            "application/json",
            "text/html;q=0",
            "text/html;q=x",
            "text/html;q=0.4, text/plain;q=0.5",
        ] {
            assert!(!prefers_html(accept), "{accept}");
        }
    }
}
