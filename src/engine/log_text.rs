//! Text for httpd's error log: lines that Python prints, and entries that are short enough. httpd escapes bytes
//! that are not printable ASCII and cuts an entry off at 8192 bytes, prefix and escapes included.

use std::borrow::Cow;

/// How many bytes an entry may have, escaped; the rest of 8192 is left to httpd's prefix.
const ROOM: usize = 7000;
/// How many bytes a line may have, escaped, in an entry of several lines.
const ROOM_OF_LINE: usize = 1000;

/// How many bytes one byte takes in the log (`ap_escape_errorlog_item`).
fn width(byte: u8) -> usize {
    match byte {
        b'\n' | b'\r' | b'\t' | b'\\' | 0x08 | 0x0B => 2,
        b' '..=b'~' => 1,
        _ => 4,
    }
}

fn width_of(text: &[u8]) -> usize {
    text.iter().copied().map(width).sum()
}

/// How many bytes at the start of `text` fit into `room` bytes of the log, in whole characters of UTF-8.
fn fitting(text: &[u8], room: usize) -> usize {
    let mut used = 0;
    let end = text.iter().position(|byte| {
        used += width(*byte);
        used > room
    });
    let Some(end) = end else { return text.len() };
    let begins = |at: &usize| text[*at] & 0xC0 != 0x80;
    // A character has at most 4 bytes; what is longer is no UTF-8.
    (end.saturating_sub(3)..=end).rfind(begins).unwrap_or(end)
}

/// Calls `entry` with `text`, or with several pieces of it when it does not fit into one entry.
pub fn in_pieces(text: &[u8], mut entry: impl FnMut(&[u8])) {
    let mut rest = text;
    while width_of(rest) > ROOM {
        let (head, tail) = rest.split_at(fitting(rest, ROOM).max(1));
        entry(head);
        rest = tail;
    }
    entry(rest);
}

/// `text`, which has several lines, as one entry. Where it does not fit, the ends of long lines and lines in the
/// middle are left out, and the entry says so: the first and last lines matter most.
pub fn excerpt(text: &[u8]) -> Cow<'_, [u8]> {
    if width_of(text) <= ROOM {
        return text.into();
    }
    let lines: Vec<_> = text.split(|byte| *byte == b'\n').map(shortened).collect();
    let fit = |room: usize, lines: &mut dyn Iterator<Item = &Cow<'_, [u8]>>| {
        let mut used = 0;
        lines
            .take_while(|line| {
                used += width_of(line) + width(b'\n');
                used <= room
            })
            .count()
    };
    let head = fit(ROOM / 3, &mut lines.iter());
    let tail = fit(ROOM * 3 / 5, &mut lines[head..].iter().rev());
    let left_out = lines.len() - head - tail;
    let note = Cow::from(format!("  [{left_out} lines left out]").into_bytes());
    let note = (left_out > 0).then_some(&note);
    let (first, last) = (&lines[..head], &lines[lines.len() - tail..]);
    let kept: Vec<&[u8]> = first.iter().chain(note).chain(last).map(|l| &**l).collect();
    kept.join(&b'\n').into()
}

fn shortened(line: &[u8]) -> Cow<'_, [u8]> {
    if width_of(line) <= ROOM_OF_LINE {
        return line.into();
    }
    let kept = &line[..fitting(line, ROOM_OF_LINE)];
    let note = format!(" [{} bytes left out]", line.len() - kept.len());
    [kept, note.as_bytes()].concat().into()
}

/// A buffer for printed text whose line end has not been printed yet.
#[derive(Default)]
pub struct Lines {
    rest: Vec<u8>,
}

impl Lines {
    /// Adds `text`; calls `line` with each complete line, without its line end.
    pub fn push(&mut self, text: &[u8], mut line: impl FnMut(&[u8])) {
        let mut text = text;
        while let Some(end) = text.iter().position(|byte| *byte == b'\n') {
            self.rest.extend_from_slice(&text[..end]);
            self.give(&mut line);
            text = &text[end + 1..];
        }
        self.rest.extend_from_slice(text);
        if self.rest.len() >= ROOM {
            self.give(&mut line);
        }
    }

    /// Calls `line` with the incomplete line, if there is one.
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
        in_pieces(&text[..end], line);
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
        let long = "é".repeat(ROOM);
        let pieces = cut(&[&long]);
        assert!(pieces.len() > 1);
        assert!(
            pieces
                .iter()
                .all(|piece| width_of(piece.as_bytes()) <= ROOM)
        );
        assert_eq!(pieces.concat(), long);
    }

    #[test]
    fn what_is_no_text_comes_in_pieces_too() {
        let mut whole = Vec::new();
        in_pieces(&[0x80; 3 * ROOM], |piece| whole.extend_from_slice(piece));
        assert_eq!(whole, [0x80; 3 * ROOM]);
    }

    #[test]
    fn what_fits_is_unchanged() {
        assert_eq!(excerpt(b"one\ntwo"), &b"one\ntwo"[..]);
    }

    #[test]
    fn an_excerpt_fits_and_keeps_the_ends() {
        let frames: Vec<_> = (0..2000).map(|n| format!("frame {n}")).collect();
        let text = format!("first\n{}\nlast: \u{e9}", frames.join("\n"));
        let kept = excerpt(text.as_bytes());
        assert!(width_of(&kept) <= ROOM);
        let kept = std::str::from_utf8(&kept).unwrap();
        assert!(kept.starts_with("first\nframe 0\n"), "{kept}");
        assert!(kept.ends_with("\nframe 1999\nlast: \u{e9}"), "{kept}");
        assert!(kept.contains(" lines left out]\n"), "{kept}");
    }

    #[test]
    fn an_excerpt_of_long_lines_shows_how_each_begins() {
        let long = "x".repeat(ROOM);
        let text = format!("GET {long}\nValueError: {long}");
        let kept = excerpt(text.as_bytes());
        assert!(width_of(&kept) <= ROOM);
        let kept = std::str::from_utf8(&kept).unwrap();
        assert!(kept.starts_with("GET xxx"), "{kept}");
        assert!(kept.contains(" bytes left out]\nValueError: xxx"), "{kept}");
    }
}
