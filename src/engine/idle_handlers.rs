//! Finds lines of `PythonHandler` that no request reaches, because nothing gives their requests to mod_python.

use super::phase_table::ROWS;
use super::phases::{HANDLERS, Phase};

/// A directive, or a section with what is inside of it.
pub struct WrittenDirective {
    /// The name, with `<` before that of a section.
    pub name: String,
    /// What follows the name.
    pub arguments: String,
    /// Where it stands, as `file:line`.
    pub source: String,
    /// What stands inside of a section.
    pub inside: Vec<WrittenDirective>,
}

/// A directive and the sections around it.
struct Placed<'a> {
    directive: &'a WrittenDirective,
    sections: Vec<&'a WrittenDirective>,
}

/// The lines of `PythonHandler` that no `SetHandler`, `AddHandler` or other line lets run. In doubt, a line is not
/// among them: where `.htaccess` files may name handlers, none is.
pub fn idle(configuration: &[WrittenDirective]) -> Vec<&WrittenDirective> {
    let mut all = Vec::new();
    place(configuration, &mut Vec::new(), &mut all);
    if all.iter().any(|one| admits_htaccess(one.directive)) {
        return Vec::new();
    }
    let (giving, other): (Vec<_>, Vec<_>) = all
        .into_iter()
        .partition(|one| gives_requests(one.directive));
    let handlers = other
        .into_iter()
        .filter(|one| one.directive.is("PythonHandler"));
    let idle = handlers.filter(|one| !giving.iter().any(|giver| giver.may_meet(one)));
    idle.map(|one| one.directive).collect()
}

fn place<'a>(
    directives: &'a [WrittenDirective],
    sections: &mut Vec<&'a WrittenDirective>,
    all: &mut Vec<Placed<'a>>,
) {
    for directive in directives {
        match directive.name.starts_with('<') {
            true => {
                sections.push(directive);
                place(&directive.inside, sections, all);
                sections.pop();
            }
            false => all.push(Placed {
                directive,
                sections: sections.clone(),
            }),
        }
    }
}

/// Whether a line may bring requests to mod_python.
fn gives_requests(directive: &WrittenDirective) -> bool {
    let words = directive.arguments.split_ascii_whitespace();
    let names_ours = |word: &str| {
        let word = word.trim_matches(['"', '\'']).to_ascii_lowercase();
        HANDLERS.contains(&word.as_bytes())
    };
    if directive.is("SetHandler") {
        let is_expression = directive.arguments.contains(['%', '=']);
        return is_expression || words.clone().any(names_ours);
    }
    if directive.is("AddHandler") {
        return words.clone().next().is_some_and(names_ours);
    }
    if directive.is("RewriteRule") {
        return HANDLERS.iter().any(|name| {
            let arguments = directive.arguments.to_ascii_lowercase();
            arguments.contains(&*String::from_utf8_lossy(name))
        });
    }
    // Python code of an earlier phase can set req.handler.
    let is_earlier = |phase| (Phase::PostReadRequest..Phase::Content).contains(&phase);
    let rows = ROWS.iter().filter(|row| is_earlier(row.phase));
    let mut names = rows.map(|row| row.directive.to_string_lossy());
    directive.is("PythonHandlerModule") || names.any(|name| directive.is(&name))
}

fn admits_htaccess(directive: &WrittenDirective) -> bool {
    let arguments = directive.arguments.to_ascii_lowercase();
    let names = |word: &str| arguments.split_ascii_whitespace().any(|one| one == word);
    directive.is("AllowOverride") && (names("all") || names("fileinfo"))
        || directive.is("AllowOverrideList") && (names("sethandler") || names("addhandler"))
}

impl WrittenDirective {
    fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// The path that a section is for: None if it is for a pattern.
    fn path(&self) -> Option<&str> {
        let path = self.arguments.trim().trim_end_matches('>').trim();
        let path = path.trim_matches(['"', '\'']);
        let is_pattern = path.contains(['*', '?', '[', '~', ' ']);
        (!is_pattern).then(|| path.trim_end_matches('/'))
    }
}

impl Placed<'_> {
    /// Whether both may hold for one request. Only what plain paths tell apart is told apart.
    fn may_meet(&self, other: &Self) -> bool {
        let mut pairs = self
            .sections
            .iter()
            .flat_map(|one| other.sections.iter().map(move |two| (*one, *two)));
        !pairs.any(|(one, two)| are_apart(one, two))
    }
}

fn are_apart(one: &WrittenDirective, two: &WrittenDirective) -> bool {
    if std::ptr::eq(one, two) || !one.is(&two.name) {
        return false;
    }
    if one.is("<VirtualHost") {
        return true;
    }
    let (Some(first), Some(second)) = (one.path(), two.path()) else {
        return false;
    };
    if one.is("<Files") {
        return first != second;
    }
    let is_below = |path: &str, above: &str| {
        path.strip_prefix(above)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let has_paths = one.is("<Location") || one.is("<Directory");
    has_paths && !is_below(first, second) && !is_below(second, first)
}

#[cfg(test)]
mod tests {
    use super::{WrittenDirective, idle};

    /// Reads what is written as in a file of httpd's, a line each.
    fn read(lines: &mut std::iter::Enumerate<std::str::Lines<'_>>) -> Vec<WrittenDirective> {
        let mut made = Vec::new();
        while let Some((number, line)) = lines.next() {
            let line = line.trim();
            if line.starts_with("</") {
                break;
            }
            let (name, arguments) = line.split_once(' ').unwrap_or((line, ""));
            let inside = match name.starts_with('<') {
                true => read(lines),
                false => Vec::new(),
            };
            made.push(WrittenDirective {
                name: name.into(),
                arguments: arguments.into(),
                source: (number + 1).to_string(),
                inside,
            });
        }
        made
    }

    fn lines(text: &str) -> Vec<String> {
        let tree = read(&mut text.lines().enumerate());
        let found = idle(&tree);
        found.iter().map(|one| one.source.clone()).collect()
    }

    #[test]
    fn a_handler_without_any_set_handler_is_idle() {
        assert_eq!(lines("PythonHandler shop"), ["1"]);
        assert_eq!(
            lines("<Location /shop>\nPythonHandler shop\n</Location>"),
            ["2"]
        );
        assert_eq!(lines("SetHandler python\nPythonHandler shop"), ["2"]);
        assert_eq!(
            lines("AddHandler cgi-script .py\nPythonHandler shop"),
            ["2"]
        );
    }

    #[test]
    fn what_gives_requests_is_seen() {
        for line in [
            "SetHandler mod_python",
            "sethandler \"python-program\"",
            "SetHandler \"expr=%{x}\"",
            "AddHandler mod_python .py .html",
            "RewriteRule ^/shop - [H=mod_python]",
            "PythonFixupHandler chooser",
            "PythonHandlerModule chooser",
            "AllowOverride AuthConfig FileInfo",
            "AllowOverride All",
        ] {
            assert!(
                lines(&format!("{line}\nPythonHandler shop")).is_empty(),
                "{line}"
            );
        }
        assert_eq!(
            lines("AllowOverride None\nPythonLogHandler a\nPythonHandler shop"),
            ["3"]
        );
    }

    #[test]
    fn sections_that_share_no_request_do_not_help() {
        let two = |one: &str, other: &str| {
            let end = |section: &str| section.split(' ').next().unwrap().replace('<', "</") + ">";
            let (first, second) = (end(one), end(other));
            lines(&format!(
                "{one}>\nSetHandler mod_python\n{first}\n{other}>\nPythonHandler a\n{second}"
            ))
            .is_empty()
        };
        assert!(!two("<Location /a", "<Location /b"));
        assert!(!two("<Location /a", "<Location /ab"));
        assert!(two("<Location /a", "<Location /a/b"));
        assert!(two("<Location /a/b", "<Location /a"));
        assert!(two("<Location /", "<Location \"/b\""));
        assert!(!two("<Directory \"/srv/a/\"", "<Directory /srv/b"));
        assert!(two("<Directory /srv/*/a", "<Directory /srv/b"));
        assert!(two("<LocationMatch ^/a", "<Location /b"));
        assert!(two("<Directory /srv", "<Location /b"));
        assert!(!two("<Files a.py", "<Files b.py"));
        assert!(!two("<VirtualHost *:80", "<VirtualHost *:80"));
        assert!(two("<If true", "<Location /b"));
    }
}
