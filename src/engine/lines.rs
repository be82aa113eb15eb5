//! Cuts text that comes in pieces into lines for the error log.

/// A line longer than this is logged in pieces (httpd's own limit is 8192 with its prefix).
const LONGEST: usize = 4096;

/// Text that waits for its line end.
#[derive(Default)]
pub struct Lines {
    rest: Vec<u8>,
}

impl Lines {
    /// Takes `text`; calls `line` for each line that is complete, without its end.
    pub fn push(&mut self, text: &[u8], mut line: impl FnMut(&[u8])) {
        let mut text = text;
        while let Some(end) = text.iter().position(|byte| *byte == b'\n') {
            self.rest.extend_from_slice(&text[..end]);
            self.give(&mut line);
            text = &text[end + 1..];
        }
        self.rest.extend_from_slice(text);
        if self.rest.len() >= LONGEST {
            self.give(&mut line);
        }
    }

    /// Calls `line` for what waits, if anything does.
    pub fn finish(&mut self, mut line: impl FnMut(&[u8])) {
        if !self.rest.is_empty() {
            self.give(&mut line);
        }
    }

    fn give(&mut self, line: &mut impl FnMut(&[u8])) {
        let text = std::mem::take(&mut self.rest);
        let end = text
            .iter()
            .rposition(|byte| *byte != b'\r')
            .map_or(0, |last| last + 1);
        let mut rest = &text[..end];
        while rest.len() > LONGEST {
            // Not inside of a character of UTF-8, which is at most 4 bytes.
            let begins = |&at: &usize| rest[at] & 0xC0 != 0x80;
            let cut = (LONGEST - 3..=LONGEST).rfind(begins).unwrap_or(LONGEST);
            let (head, tail) = rest.split_at(cut);
            line(head);
            rest = tail;
        }
        line(rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(pieces: &[&str]) -> Vec<String> {
        let mut lines = Lines::default();
        let mut out = Vec::new();
        for piece in pieces {
            lines.push(piece.as_bytes(), |line| out.push(line.to_vec()));
        }
        lines.finish(|line| out.push(line.to_vec()));
        out.into_iter()
            .map(|line| String::from_utf8(line).unwrap())
            .collect()
    }

    #[test]
    fn any_cutting_gives_the_same_lines() {
        let text = "one\ntwo\r\n\nlast";
        let whole = cut(&[text]);
        assert_eq!(whole, ["one", "two", "", "last"]);
        for at in 0..text.len() {
            let (head, tail) = text.split_at(at);
            assert_eq!(cut(&[head, tail]), whole, "cut at {at}");
        }
    }

    #[test]
    fn nothing_is_logged_for_nothing() {
        assert_eq!(cut(&[]), Vec::<String>::new());
        assert_eq!(cut(&["", ""]), Vec::<String>::new());
    }

    #[test]
    fn long_lines_come_in_pieces_between_characters() {
        let long = "é".repeat(LONGEST);
        let pieces = cut(&[&long]);
        assert!(pieces.len() > 1);
        assert!(pieces.iter().all(|piece| piece.len() <= LONGEST));
        assert_eq!(pieces.concat(), long);
    }
}
