//! What a `PythonPath` may say. Python reads it only in httpd's children, so what cannot be a list is refused before.

use std::sync::Arc;

/// A `PythonPath` of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenPath {
    /// The Python expression.
    pub expression: String,
    /// Where it stands, as `file:line`.
    pub source: Arc<str>,
}

impl WrittenPath {
    /// The expression as it stands in the configuration, and where that is.
    pub fn text(&self) -> String {
        format!("PythonPath \"{}\" ({})", self.expression, self.source)
    }
}

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
    let bare = without_strings(text).map_err(|mark| {
        format!("takes {WANTED}: there is no other half to {mark} in '{expression}'")
    })?;
    match other_than_list(&bare) {
        Some(kind) => Err(format!("takes {WANTED}: '{expression}' is {kind}")),
        None => Ok(()),
    }
}

/// A Python expression without comments, with a mark `"` in place of each string.
///
/// # Errors
/// The first quote or bracket that has no other half.
fn without_strings(text: &str) -> Result<String, char> {
    let mut bare = String::new();
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
                    return Err(character);
                }
                bare.push('"');
                continue;
            }
            '(' | '[' | '{' => open.push(character),
            ')' | ']' | '}' => match (open.pop(), character) {
                (Some('('), ')') | (Some('['), ']') | (Some('{'), '}') => {}
                (Some(other), _) => return Err(other),
                (None, _) => return Err(character),
            },
            '#' => break,
            _ => {}
        }
        bare.push(character);
    }
    open.pop().map_or(Ok(bare), Err)
}

/// What an expression without strings is, where its form alone shows that it gives no list.
fn other_than_list(bare: &str) -> Option<&'static str> {
    const NO_RESULT: [&str; 4] = ["append", "extend", "insert", "remove"];
    let text = bare.trim();
    if text.contains('"') && text.trim_matches(['"', ' ', 'b', 'f', 'r', 'u']).is_empty() {
        return Some("a string");
    }
    let outside = outside_of_brackets(text);
    let compared = ["==", "!=", "<=", ">="];
    let assigned = compared
        .iter()
        .fold(outside.clone(), |text, sign| text.replace(sign, " "));
    if assigned.contains('=') {
        return Some("an assignment, which has no value");
    }
    if outside.contains(',') {
        return Some("a tuple");
    }
    if let Some(method) = outside.trim_end().strip_prefix("sys.path.") {
        let is_call = |name: &str| method.strip_prefix(name) == Some("()");
        let is_empty = NO_RESULT.into_iter().any(is_call);
        return is_empty.then_some("a call that returns None");
    }
    match outside.as_str() {
        "{}" => Some("a dict or a set"),
        "()" if text[1..text.len() - 1].trim().is_empty() => Some("a tuple"),
        "()" => other_than_list(&text[1..text.len() - 1]),
        _ => None,
    }
}

/// The expression with all brackets empty.
fn outside_of_brackets(text: &str) -> String {
    let mut depth = 0_usize;
    let mut outside = String::new();
    for character in text.chars() {
        let is_end = matches!(character, ')' | ']' | '}');
        depth -= usize::from(is_end);
        if depth == 0 {
            outside.push(character);
        }
        depth += usize::from(matches!(character, '(' | '[' | '{'));
    }
    outside
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
            "(['/srv/a', '/srv/b'])",
            "list(('/srv/a', '/srv/b'))",
            "('/srv/a:/srv/b').split(':')",
            "(sys.path, [])[0]",
            "sys.path.append('/srv/a') or sys.path",
            "sys.path.copy()",
            "['/srv/a'] if sys.version_info >= (3, 12) or os.sep == '/' else sys.path",
            "sorted(['/b', '/a'], key=len) # (a, b) = c",
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
            ("('/srv/a',)", "'('/srv/a',)' is a tuple"),
            ("(('/srv/a', '/srv/b'))", "is a tuple"),
            ("()", "is a tuple"),
            ("sys.path, ['/srv/a']", "is a tuple"),
            ("{'/srv/a': ()}", "is a dict or a set"),
            ("r'/srv/(a)'", "is a string"),
            ("sys.path += ['/srv/a']", "is an assignment"),
            ("sys.path = ['/srv/a']", "is an assignment"),
            ("sys.path.append('/srv/a')", "is a call that returns None"),
            (
                "sys.path.insert(0, '/srv/a')",
                "is a call that returns None",
            ),
        ] {
            let said = check(expression).expect_err(expression);
            assert!(said.contains(sentence), "{expression}: {said}");
        }
    }
}
