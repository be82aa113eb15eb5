//! Applications of WSGI (PEP 3333): their environ, `start_response()`, and how what they return is sent. Called with the
//! GIL, on the thread that httpd handles the request on.

pub mod environ;
pub mod find;
pub mod serve;
pub mod start_response;
