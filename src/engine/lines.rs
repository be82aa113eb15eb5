//! Cuts text that comes in pieces into lines for the error log.

/// A line longer than this is logged in pieces (httpd's own limit is 8192 with its prefix).
const LONGEST: usize = 4096;

/// Text that waits for its line end.
#[derive(Default)]
pub struct Lines {
    rest: String,
}

impl Lines {
    /// Takes `text`; calls `line` for each line that is complete, without its end.
    pub fn push(&mut self, text: &str, mut line: impl FnMut(&str)) {
        let mut text = text;
        while let Some((head, tail)) = text.split_once('\n') {
            self.rest.push_str(head);
            self.give(&mut line);
            text = tail;
        }
        self.rest.push_str(text);
        if self.rest.len() >= LONGEST {
            self.give(&mut line);
        }
    }

    /// Calls `line` for what waits, if anything does.
    pub fn finish(&mut self, mut line: impl FnMut(&str)) {
        if !self.rest.is_empty() {
            self.give(&mut line);
        }
    }

    fn give(&mut self, line: &mut impl FnMut(&str)) {
        let text = std::mem::take(&mut self.rest);
        let mut rest = text.trim_end_matches('\r');
        while rest.len() > LONGEST {
            let cut = (0..=LONGEST)
                .rfind(|&at| rest.is_char_boundary(at))
                .unwrap_or(rest.len());
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
            lines.push(piece, |line| out.push(line.to_owned()));
        }
        lines.finish(|line| out.push(line.to_owned()));
        out
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
