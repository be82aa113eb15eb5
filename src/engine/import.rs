//! What a line of `PythonImport` says.

use super::handlers::Handler;

/// A `PythonImport`.
pub struct Import {
    /// The module, and a function to call without arguments.
    pub handler: Handler,
    /// The name of the interpreter; `None` for that of the server.
    pub interpreter: Option<String>,
    /// Whether a child does not start without it.
    pub is_required: bool,
    /// Its place among the lines of the configuration.
    pub number: usize,
}

impl Import {
    /// The line as it was written, without the directive.
    pub fn text(&self) -> String {
        let mut text = self.handler.text();
        for word in [
            self.interpreter.as_deref(),
            self.is_required.then_some("required"),
        ] {
            text.extend(word.into_iter().flat_map(|word| [" ", word]));
        }
        text
    }
}
