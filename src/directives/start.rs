//! The directives about what is there when a child starts: its packages, what is imported, and the caches.

use std::sync::Arc;

use super::arguments::{Setting, one};
use crate::caches;
use crate::engine::cache_line::CacheLine;
use crate::engine::handlers::{Handler, Home};
use crate::engine::import::Import;
use crate::engine::python_home::PythonHome;
use crate::httpd::server::config;
use crate::httpd::server::config::Line;
use crate::locks::Lock;
use crate::python_homes;

/// What `PythonImport` takes.
const IMPORT: &str = "takes a module, and optionally the name of an interpreter and the word required: write \
                      PythonImport module, or PythonImport module main_interpreter required";
/// What it does not take: a child has no request when it starts.
const RULE: &str = "takes the name of an interpreter, not a rule with %{...}: leave it out for that of the server \
                    in which the line stands, or write the name";

pub fn import(line: &Line<'_>) -> Setting {
    let mut words = line.words();
    let is_required = words.len() > 1
        && words
            .pop_if(|word| word.eq_ignore_ascii_case("required"))
            .is_some();
    let mut words = words.into_iter();
    let module = words.next().ok_or(IMPORT)?;
    let interpreter = words.next();
    if words.next().is_some() || interpreter.as_deref() == Some("") {
        return Err(IMPORT.into());
    }
    if interpreter.as_ref().is_some_and(|name| name.contains("%{")) {
        return Err(RULE.into());
    }
    let count: &Lock<usize> = config::generation(line.configuration(), c"mod_python.imports");
    let mut count = count.lock();
    *count += 1;
    let import = Arc::new(Import {
        handler: Handler::parse(&module, &Home::None, &line.source().into())?,
        interpreter,
        is_required,
        number: *count,
    });
    Ok(Box::new(move |settings| {
        let before = settings.imports.iter();
        settings.imports = before.chain([&import]).cloned().collect();
    }))
}

pub fn home(line: &Line<'_>) -> Setting {
    let folder = one(
        line,
        "the path of a virtual environment, as in /srv/shop/venv",
    )?;
    let home = Arc::new(PythonHome::parse(&folder, &line.source())?);
    python_homes::registry(line.configuration()).push(home.clone());
    Ok(Box::new(move |settings| settings.home = Some(home.clone())))
}

pub fn cache(line: &Line<'_>) -> Setting {
    if line.is_in_virtual_host() {
        return Err(
            "stands outside of <VirtualHost>: all servers share the caches, by their names".into(),
        );
    }
    let cache = Arc::new(CacheLine::parse(&line.words(), &line.source())?);
    let mut lines = caches::registry(line.configuration());
    lines.iter().try_for_each(|earlier| cache.suits(earlier))?;
    lines.push(cache);
    Ok(Box::new(|_| {}))
}
