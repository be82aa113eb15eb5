//! mod_wsgi in the same httpd: whether it and this module can share the Python of a child.
//!
//! mod_wsgi finds that Python runs in the child, uses it, and ends it with the child all the same, by way of a
//! thread state that only its own start of Python would have left: the child aborts. So it must have no Python in
//! httpd's children, or leave that Python alone at the end.

/// Directives that have mod_wsgi run Python in httpd's children even under `WSGIRestrictEmbedded On`.
const SCRIPTS: [&str; 5] = [
    "WSGIAccessScript",
    "WSGIAuthUserScript",
    "WSGIAuthGroupScript",
    "WSGIDispatchScript",
    "WSGIImportScript",
];

/// Looks at all directives of the configuration, as names and arguments in their order.
///
/// # Errors
/// What must be written so that children live to their end.
pub fn check<'a>(directives: impl Iterator<Item = (&'a str, &'a str)>) -> Result<(), String> {
    let (mut is_restricted, mut is_left_alone, mut script) = (false, false, None);
    for (name, arguments) in directives {
        if name.eq_ignore_ascii_case("WSGIRestrictEmbedded") {
            is_restricted = arguments.eq_ignore_ascii_case("On");
        } else if name.eq_ignore_ascii_case("WSGIDestroyInterpreter") {
            is_left_alone = arguments.eq_ignore_ascii_case("Off");
        } else if runs_in_children(name, arguments) {
            script.get_or_insert(name);
        }
    }
    match (is_left_alone, is_restricted, script) {
        (true, _, _) | (_, true, None) => Ok(()),
        (false, true, Some(name)) => Err(format!(
            "{name} has mod_wsgi run Python in httpd's children, where mod_python has started it, and end it with \
             them: write WSGIDestroyInterpreter Off beside it"
        )),
        (false, false, _) => Err(
            "mod_wsgi is loaded, and would end the Python that mod_python has started in httpd's children: write \
             WSGIRestrictEmbedded On, and run its applications in a WSGIDaemonProcess; or, to keep them in httpd's \
             children, write WSGIDestroyInterpreter Off"
                .to_owned(),
        ),
    }
}

fn runs_in_children(name: &str, arguments: &str) -> bool {
    SCRIPTS
        .iter()
        .any(|script| script.eq_ignore_ascii_case(name))
        && !(name.eq_ignore_ascii_case("WSGIImportScript") && has_daemon(arguments))
}

/// Whether a script is imported in a process of mod_wsgi's own.
fn has_daemon(arguments: &str) -> bool {
    let mut words = arguments.split_ascii_whitespace();
    let group = words.find_map(|word| word.strip_prefix("process-group="));
    group.is_some_and(|group| !group.is_empty() && group != "%{GLOBAL}")
}

#[cfg(test)]
mod tests {
    use super::check;

    fn answer(lines: &[&'static str]) -> Result<(), String> {
        let pairs = lines.iter().map(|line| line.split_once(' ').unwrap());
        check(pairs)
    }

    #[test]
    fn without_a_word_it_is_refused() {
        for lines in [
            &[][..],
            &["WSGIRestrictEmbedded Off"],
            &["WSGIScriptAlias / /app.wsgi"],
        ] {
            let error = answer(lines).unwrap_err();
            assert!(error.contains("write WSGIRestrictEmbedded On"), "{error}");
        }
    }

    #[test]
    fn without_python_in_children_it_is_good() {
        assert_eq!(answer(&["wsgirestrictembedded on"]), Ok(()));
        let import = "WSGIImportScript /app.wsgi process-group=x application-group=%{GLOBAL}";
        assert_eq!(answer(&["WSGIRestrictEmbedded On", import]), Ok(()));
        assert!(answer(&["WSGIRestrictEmbedded On", "WSGIRestrictEmbedded Off"]).is_err());
    }

    #[test]
    fn scripts_in_children_are_named() {
        let error =
            answer(&["WSGIRestrictEmbedded On", "WSGIAuthUserScript /auth.wsgi"]).unwrap_err();
        assert!(error.starts_with("WSGIAuthUserScript has"), "{error}");
        let import = "WSGIImportScript /app.wsgi process-group=%{GLOBAL} application-group=x";
        assert!(answer(&["WSGIRestrictEmbedded On", import]).is_err());
    }

    #[test]
    fn python_that_is_left_alone_can_be_shared() {
        assert_eq!(answer(&["WSGIDestroyInterpreter Off"]), Ok(()));
        assert_eq!(
            answer(&[
                "WSGIAuthUserScript /auth.wsgi",
                "WSGIDestroyInterpreter off"
            ]),
            Ok(())
        );
    }
}
