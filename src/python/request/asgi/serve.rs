//! How a thread of httpd has an application answer a request: it offers that to the application's loop.

use crate::engine::application::Application;
use crate::engine::handler_lists::Chosen;
use crate::httpd::{Request, Status};
use crate::python::request::offers::serve;

/// Has the application of a request answer it. Returns the status for httpd's hook; `SUSPENDED` if the request waits
/// without a thread.
pub fn run(r: &Request, application: &Application) -> Status {
    let chosen = Chosen {
        list: &application.handlers,
        extension: None,
    };
    serve::run(r, chosen, r.settings())
}
