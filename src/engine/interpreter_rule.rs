//! What `PythonInterpreter` says: a name, or how a name is made of the request's server and directory.

/// The words in `%{...}`, as a sentence names them.
const WORDS: &str =
    "%{SERVER} for the name of the virtual server, or %{DIRECTORY} for the directory of the file";

/// A name of an interpreter, in which `%{SERVER}` and `%{DIRECTORY}` stand for what they are at a request.
#[derive(Debug, PartialEq, Eq)]
pub struct InterpreterRule {
    text: String,
    pieces: Vec<Piece>,
}

#[derive(Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Server,
    Directory,
}

impl InterpreterRule {
    /// The rule that a text says.
    ///
    /// # Errors
    /// A sentence that says what to write instead of a `%{...}` that is none of the known ones.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("%{") {
            let Some((word, after)) = after.split_once('}') else {
                return Err(format!(
                    "has a %{{ without its }} in '{text}': write {WORDS}"
                ));
            };
            if !before.is_empty() {
                pieces.push(Piece::Text(before.to_owned()));
            }
            pieces.push(match word {
                "SERVER" => Piece::Server,
                "DIRECTORY" => Piece::Directory,
                "GLOBAL" => {
                    return Err("knows no %{GLOBAL}: write main_interpreter".into());
                }
                _ => return Err(format!("knows no %{{{word}}}: write {WORDS}")),
            });
            rest = after;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        let text = text.to_owned();
        Ok(Self { text, pieces })
    }

    /// The rule as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The name, if it is the same for all requests.
    pub fn fixed(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [Piece::Text(name)] => Some(name),
            _ => None,
        }
    }

    /// Whether the name depends on the request's directory.
    pub fn names_directory(&self) -> bool {
        self.pieces.contains(&Piece::Directory)
    }

    /// The name for a request. `directory` is asked if the rule names it; `None`: the request has none.
    pub fn name(&self, server: &str, directory: impl FnOnce() -> Option<String>) -> Option<String> {
        let directory = match self.names_directory() {
            true => directory()?,
            false => String::new(),
        };
        let pieces = self.pieces.iter().map(|part| match part {
            Piece::Text(text) => text.as_str(),
            Piece::Server => server,
            Piece::Directory => &directory,
        });
        Some(pieces.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(rule: &str, directory: Option<&str>) -> Option<String> {
        let rule = InterpreterRule::parse(rule).expect("a rule");
        rule.name("a.example", || directory.map(str::to_owned))
    }

    #[test]
    fn words_stand_alone_or_inside_of_a_text() {
        let directory = Some("/srv/");
        assert_eq!(name("shop", directory).as_deref(), Some("shop"));
        assert_eq!(name("100%", directory).as_deref(), Some("100%"));
        assert_eq!(name("%{SERVER}", None).as_deref(), Some("a.example"));
        assert_eq!(name("%{DIRECTORY}", directory).as_deref(), Some("/srv/"));
        let both = name("x-%{SERVER}:%{DIRECTORY}-y", directory);
        assert_eq!(both.as_deref(), Some("x-a.example:/srv/-y"));
        assert_eq!(name("x-%{DIRECTORY}", None), None);
    }

    #[test]
    fn the_text_stays_as_it_was_written() {
        let rule = InterpreterRule::parse("x-%{SERVER}").expect("a rule");
        assert_eq!((rule.text(), rule.fixed()), ("x-%{SERVER}", None));
        let fixed = InterpreterRule::parse("shop").expect("a rule");
        assert_eq!(fixed.fixed(), Some("shop"));
    }

    #[test]
    fn other_words_are_refused_with_what_to_write() {
        for (rule, wanted) in [
            ("%{HOST}", "knows no %{HOST}: write %{SERVER}"),
            ("%{server}", "knows no %{server}: write %{SERVER}"),
            ("a%{}", "knows no %{}: write %{SERVER}"),
            ("%{GLOBAL}", "write main_interpreter"),
            ("%{SERVER", "has a %{ without its } in '%{SERVER'"),
        ] {
            let sentence = InterpreterRule::parse(rule).expect_err("no rule");
            assert!(sentence.contains(wanted), "{sentence}");
        }
    }
}
