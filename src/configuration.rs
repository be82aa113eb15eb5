//! What is refused in a configuration that was read, and what is warned of.

use std::sync::Arc;

use crate::engine::idle_handlers;
use crate::engine::idle_handlers::WrittenDirective;
use crate::engine::mod_wsgi;
use crate::engine::option_names;
use crate::engine::settings::Settings;
use crate::httpd::Server;
use crate::httpd::log::Level;
use crate::httpd::server::config_tree::Node;
use crate::httpd::server::{config_tree, process};

/// Refuses a mod_wsgi that would end the Python of the children.
///
/// # Errors
/// A sentence that says what is wrong, where, and what to write.
pub fn check_mod_wsgi() -> Result<(), String> {
    if !process::has_module(c"mod_wsgi.c") {
        return Ok(());
    }
    let lines = config_tree::configuration();
    let mut found = Vec::new();
    for line in &lines {
        line.each(&mut |line| {
            found.extend(
                std::str::from_utf8(line.name)
                    .ok()
                    .zip(std::str::from_utf8(line.arguments).ok()),
            )
        });
    }
    mod_wsgi::check(found.into_iter())
}

/// Says once what has no effect.
pub fn warn(main: &Server) {
    warn_of_mutex_directory(main);
    warn_of_idle_filters(main);
    let configuration = written_configuration();
    warn_of_idle_handlers(main, &configuration);
    warn_of_unknown_options(main, &configuration);
}

/// The configuration as it was written.
pub fn written_configuration() -> Vec<WrittenDirective> {
    fn written(nodes: &[Node]) -> Vec<WrittenDirective> {
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        let one = |node: &Node| WrittenDirective {
            name: text(node.name),
            arguments: text(node.arguments),
            source: node.source(),
            inside: written(node.children.as_deref().unwrap_or_default()),
        };
        nodes.iter().map(one).collect()
    }
    written(&config_tree::configuration())
}

/// Says what has taken the place of an option of mod_python 3.5.
fn warn_of_mutex_directory(main: &Server) {
    let mut options = main.settings::<Settings>().options();
    if options.any(|(key, _)| key.eq_ignore_ascii_case("mod_python.mutex_directory")) {
        let text =
            "PythonOption mod_python.mutex_directory has no effect: write Mutex file:FOLDER python";
        main.log(Level::Warning, text);
    }
}

/// Logs which filters of connections are on no connection: those of virtual hosts that requests choose by name.
fn warn_of_idle_filters(main: &Server) {
    let inherited = &main.settings::<Settings>().filters;
    for server in main.and_following().skip(1) {
        let filters = &server.settings::<Settings>().filters;
        for (key, filter) in filters.iter().filter(|_| !server.is_default()) {
            let is_own = inherited
                .get(key)
                .is_none_or(|above| !Arc::ptr_eq(above, filter));
            if filter.kind.is_connections() && is_own {
                let (name, kind) = (&filter.name, filter.kind.name());
                let text = format!(
                    "{} at {}: filter {name} of kind={kind} is on no connection: declare it in the \
                     first virtual host of the address",
                    key.0.directive(),
                    filter.handler.source
                );
                server.log(Level::Warning, &text);
            }
        }
    }
}

/// Says which lines of `PythonHandler` no request reaches.
fn warn_of_idle_handlers(main: &Server, configuration: &[WrittenDirective]) {
    for line in idle_handlers::idle(configuration) {
        let text = format!(
            "PythonHandler {} at {} never runs, because nothing gives its requests to mod_python: write \
             SetHandler mod_python beside it",
            line.arguments, line.source
        );
        main.log(Level::Warning, &text);
    }
    for line in idle_handlers::unanswered(configuration) {
        let text = format!(
            "{} {} at {} gives mod_python requests that nothing answers: write PythonHandler with the name of a module \
             beside it",
            line.name, line.arguments, line.source
        );
        main.log(Level::Warning, &text);
    }
}

/// Says which lines of `PythonOption` have keys that begin as the module's own and are none of them.
fn warn_of_unknown_options(main: &Server, lines: &[WrittenDirective]) {
    for line in lines {
        warn_of_unknown_options(main, &line.inside);
        let word = line.arguments.split_ascii_whitespace().next();
        let key = word.unwrap_or_default().trim_matches(['"', '\'']);
        let is_option = line.name.eq_ignore_ascii_case("PythonOption");
        if let Some(advice) = option_names::advice(key).filter(|_| is_option) {
            let text = format!(
                "PythonOption {key} at {} has no effect: {advice}",
                line.source
            );
            main.log(Level::Warning, &text);
        }
    }
}
