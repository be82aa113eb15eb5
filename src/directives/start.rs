//! The directives about the start of Python in a child: where its packages are, and what is imported.

use std::sync::Arc;

use super::arguments::{Setting, one};
use crate::engine::handlers::{Handler, Home};
use crate::engine::python_home::PythonHome;
use crate::engine::settings::Import;
use crate::httpd::server::config::Line;
use crate::python_homes;

pub fn import(line: &Line<'_>) -> Setting {
    let [module, interpreter] = <[String; 2]>::try_from(line.words()).map_err(|_| {
        "takes a module and the name of an interpreter: write PythonImport module main_interpreter"
    })?;
    let import = Arc::new(Import {
        handler: Handler::parse(&module, &Home::None, &line.source().into())?,
        interpreter,
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
