//! What a `PythonPath` may say. Python reads it only in httpd's children, so what cannot be a list is refused before.

/// What to write instead.
pub const WANTED: &str = "a Python list, as in \"sys.path + ['/srv/python']\"";

/// Looks at an expression as far as one can without Python: whether it may be a list, and whether its quotes and
/// brackets are closed.
///
/// # Errors
/// A sentence that says what to write.
pub fn check(expression: &str) -> Result<(), String> {
    let text = expression.trim();
    if text.starts_with(['/', '~', '.', '$']) || !text.contains(['[', '(']) && text != "sys.path" {
        let folder = text.trim_matches(['\'', '"']);
        return Err(
            match folder.starts_with('/') && !folder.contains(['\'', ':']) {
                true => {
                    format!("takes {WANTED}: for this folder write \"sys.path + ['{folder}']\"")
                }
                false => format!("takes {WANTED}, not '{expression}'"),
            },
        );
    }
    match unclosed(text) {
        Some(mark) => Err(format!(
            "takes {WANTED}: there is no other half to {mark} in '{expression}'"
        )),
        None => Ok(()),
    }
}

/// The first quote or bracket of a Python expression that has no other half.
fn unclosed(text: &str) -> Option<char> {
    let mut open = Vec::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\'' | '"' => {
                let mut is_closed = false;
                while let Some(inside) = characters.next() {
                    if inside == '\\' {
                        characters.next();
                    } else if inside == character {
                        is_closed = true;
                        break;
                    }
                }
                if !is_closed {
                    return Some(character);
                }
            }
            '(' | '[' | '{' => open.push(character),
            ')' | ']' | '}' => match (open.pop(), character) {
                (Some('('), ')') | (Some('['), ']') | (Some('{'), '}') => {}
                (Some(other), _) => return Some(other),
                (None, _) => return Some(character),
            },
            '#' => break,
            _ => {}
        }
    }
    open.pop()
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn lists_are_accepted() {
        for expression in [
            "sys.path + ['/srv/python']",
            "sys.path",
            " ['/srv/python'] ",
            "list(map(str.strip, ['/srv/(odd']))",
            r#"[os.path.join(r'/srv', "it's", 'a\'b')] + (sys.path if time.time() else [])"#,
            "sys.path + ['/srv/a']  # (one more",
            "['''/srv/a''']",
        ] {
            assert_eq!(check(expression), Ok(()), "{expression}");
        }
    }

    #[test]
    fn what_is_no_list_is_refused() {
        for (expression, sentence) in [
            (
                "/srv/python",
                "for this folder write \"sys.path + ['/srv/python']\"",
            ),
            (
                "'/srv/python'",
                "for this folder write \"sys.path + ['/srv/python']\"",
            ),
            ("/srv/a:/srv/b", "not '/srv/a:/srv/b'"),
            ("~/python", "not '~/python'"),
            ("../lib[1]", "not '../lib[1]'"),
            ("sys.path+", "not 'sys.path+'"),
            ("sys.path + ['/srv/python'", "no other half to [ in"),
            ("sys.path + ['/srv/python]", "no other half to ' in"),
            ("sys.path + list('/srv/python')]", "no other half to ] in"),
            ("sys.path + (['/srv/python')]", "no other half to [ in"),
        ] {
            let said = check(expression).expect_err(expression);
            assert!(said.contains(sentence), "{expression}: {said}");
        }
    }
}
