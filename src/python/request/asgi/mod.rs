//! Applications of ASGI 3: their scope, the head of their response, and how a thread waits for both the client and the
//! event loop. What the messages mean is in `python/mod_python/_asgi.py`. Called with the GIL, on the thread that httpd
//! handles the request on.

pub mod headers;
pub mod offered;
pub mod respond;
pub mod scope;
pub mod serve;
pub mod wait;
