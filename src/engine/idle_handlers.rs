//! Finds lines of `PythonHandler` that no request reaches, because nothing gives their requests to mod_python, and lines
//! that give requests to mod_python which nothing answers.

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
    let is_handler = |one: &WrittenDirective| one.is("PythonHandler");
    alone(configuration, is_handler, gives_requests)
}

/// The lines of `SetHandler` and `AddHandler` that name mod_python where no line of it lets anything answer, with the same
/// doubts.
pub fn unanswered(configuration: &[WrittenDirective]) -> Vec<&WrittenDirective> {
    let gives = |one: &WrittenDirective| {
        (one.is("SetHandler") || one.is("AddHandler")) && names_mod_python(&one.arguments)
    };
    let answers = |one: &WrittenDirective| {
        let names = ["PythonHandler", "PythonApplication"];
        names.iter().any(|name| one.is(name)) || may_choose(one)
    };
    alone(configuration, gives, answers)
}

/// The lines of one kind that meet none of another kind.
fn alone(
    configuration: &[WrittenDirective],
    is_one: impl Fn(&WrittenDirective) -> bool,
    is_other: impl Fn(&WrittenDirective) -> bool,
) -> Vec<&WrittenDirective> {
    let mut all = Vec::new();
    place(configuration, &mut Vec::new(), &mut all);
    if all.iter().any(|one| admits_htaccess(one.directive)) {
        return Vec::new();
    }
    let (ones, left): (Vec<_>, Vec<_>) = all.into_iter().partition(|one| is_one(one.directive));
    let others: Vec<_> = left
        .into_iter()
        .filter(|one| is_other(one.directive))
        .collect();
    let alone = ones
        .into_iter()
        .filter(|one| !others.iter().any(|other| other.may_meet(one)));
    alone.map(|one| one.directive).collect()
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

/// How an argument of a directive can bring requests to mod_python.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Naming {
    /// The only one is the name of a handler, or an expression for one.
    Handler,
    /// The first one is the name of a handler, or a media type: httpd takes the type of a response that has no handler
    /// for the name of one (`ap_invoke_handler`).
    First,
    /// One is a flag with such a name, as in `[H=mod_python]` and `[T=mod_python]`.
    Flag,
}

/// The directives of httpd's that choose handlers or media types.
const CHOOSING: [(&str, Naming); 5] = [
    ("SetHandler", Naming::Handler),
    ("AddHandler", Naming::First),
    ("AddType", Naming::First),
    ("ForceType", Naming::First),
    ("RewriteRule", Naming::Flag),
];

/// Whether a line may bring requests to mod_python.
fn gives_requests(directive: &WrittenDirective) -> bool {
    let choosing = CHOOSING.iter().find(|(name, _)| directive.is(name));
    let arguments = &directive.arguments;
    match choosing.map(|(_, naming)| naming) {
        Some(Naming::Handler) => arguments.contains(['%', '=']) || names_mod_python(arguments),
        Some(Naming::First) => names_mod_python(arguments),
        Some(Naming::Flag) => {
            let arguments = arguments.to_ascii_lowercase();
            let mut names = HANDLERS.iter().map(|name| String::from_utf8_lossy(name));
            names.any(|name| arguments.contains(&*name))
        }
        None => may_choose(directive),
    }
}

/// Whether the first argument is a handler's name that is ours.
fn names_mod_python(arguments: &str) -> bool {
    let word = arguments
        .split_ascii_whitespace()
        .next()
        .unwrap_or_default();
    // The parameters of a media type are no part of the name.
    let name = word.trim_matches(['"', '\'']).split(';').next();
    let name = name.unwrap_or_default().trim().to_ascii_lowercase();
    HANDLERS.contains(&name.as_bytes())
}

/// Whether a line declares Python code that may choose a handler.
fn may_choose(directive: &WrittenDirective) -> bool {
    if directive.is("Require") {
        let word = directive.arguments.split_ascii_whitespace().next();
        return word.is_some_and(|word| word.eq_ignore_ascii_case("python"));
    }
    let names = ["PythonHandlerModule", "PythonAuthProvider"];
    names.iter().any(|name| directive.is(name)) || is_earlier_phase(directive)
}

/// Whether Python code of a phase before the response is declared, which can set `req.handler`.
fn is_earlier_phase(directive: &WrittenDirective) -> bool {
    let is_earlier = |phase| (Phase::PostReadRequest..Phase::Content).contains(&phase);
    let rows = ROWS.iter().filter(|row| is_earlier(row.phase));
    let mut names = rows.map(|row| row.directive.to_string_lossy());
    names.any(|name| directive.is(&name))
}

/// Whether a line lets `.htaccess` files choose handlers.
fn admits_htaccess(directive: &WrittenDirective) -> bool {
    let mut words = directive.arguments.split_ascii_whitespace();
    let is_any =
        |word: &str, names: &[&str]| names.iter().any(|one| word.eq_ignore_ascii_case(one));
    if directive.is("AllowOverride") {
        return words.any(|word| is_any(word, &["All", "FileInfo"]));
    }
    let chooses = |word: &str| {
        CHOOSING
            .iter()
            .any(|(name, _)| word.eq_ignore_ascii_case(name))
    };
    directive.is("AllowOverrideList") && words.any(chooses)
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
    use super::{WrittenDirective, idle, unanswered};

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

    /// The places of the lines that `find` finds in a text.
    fn places(find: fn(&[WrittenDirective]) -> Vec<&WrittenDirective>, text: &str) -> Vec<String> {
        let tree = read(&mut text.lines().enumerate());
        find(&tree).iter().map(|one| one.source.clone()).collect()
    }

    fn lines(text: &str) -> Vec<String> {
        places(idle, text)
    }

    #[test]
    fn a_set_handler_that_nothing_answers_is_found() {
        let found = |text: &str| places(unanswered, text);
        for line in [
            "SetHandler mod_python",
            "AddHandler python-program .py",
            "sethandler \"mod_python\"",
        ] {
            assert_eq!(found(line), ["1"], "{line}");
            assert_eq!(
                found(&format!("{line}\nPythonLogHandler a\nPythonDebug On")),
                ["1"]
            );
            for answer in [
                "PythonHandler shop",
                "PythonHandlerModule shop",
                "PythonFixupHandler shop",
                "PythonApplication / wsgi shop",
                "Require python shop::staff",
                "AllowOverride All",
            ] {
                assert!(
                    found(&format!("{line}\n{answer}")).is_empty(),
                    "{line}, {answer}"
                );
            }
        }
        let apart = "<Location /a>\nSetHandler mod_python\n</Location>\n<Location /b>\nPythonHandler b\n</Location>";
        assert_eq!(found(apart), ["2"]);
        assert!(
            found("SetHandler cgi-script\nSetHandler none\nSetHandler \"expr=%{x}\"").is_empty()
        );
    }

    #[test]
    fn a_handler_without_any_set_handler_is_idle() {
        assert_eq!(lines("PythonHandler shop"), ["1"]);
        assert_eq!(
            lines("<Location /shop>\nPythonHandler shop\n</Location>"),
            ["2"]
        );
        assert_eq!(lines("SetHandler python\nPythonHandler shop"), ["2"]);
        for line in [
            "AddHandler cgi-script .py",
            "AddType text/html .mod_python",
            "ForceType application/x-httpd-python",
            "AllowOverrideList AuthName",
        ] {
            assert_eq!(lines(&format!("{line}\nPythonHandler shop")), ["2"]);
        }
    }

    #[test]
    fn what_gives_requests_is_seen() {
        for line in [
            "SetHandler mod_python",
            "sethandler \"python-program\"",
            "SetHandler \"expr=%{x}\"",
            "PythonAuthProvider guard",
            "Require python guard::staff",
            "AddHandler mod_python .py .html",
            "AddType python-program .py",
            "addtype Mod_Python .py .html",
            "ForceType mod_python",
            "ForceType \"mod_python; charset=utf-8\"",
            "AllowOverrideList AuthName ForceType",
            "RewriteRule ^/shop - [H=mod_python]",
            "RewriteRule ^/shop - [T=mod_python]",
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
