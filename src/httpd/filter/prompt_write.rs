//! Whether a small piece of a response can be sent without waiting for anything: then a thread that waits long for each
//! turn at the GIL need not let go of it meanwhile.

use std::os::fd::RawFd;

use crate::httpd::request::Request;

/// The filters that wait for nothing but the client, by their registered names; of mod_ssl's connections the handshake
/// is over when there is a request. Others may: mod_ratelimit sleeps, mod_ext_filter waits for a program, an expression
/// in a header of mod_headers for a name server.
const PROMPT: &[&str] = &[
    "byterange",
    "bytype:deflate",
    "chunk",
    "content_length",
    "core",
    "deflate",
    "http_header",
    "http_outerror",
    "log_input_output",
    "mod_python.frame",
    "mod_python.not-modified",
    "old_write",
    "reqtimeout",
    "ssl/tls coalescing filter",
    "ssl/tls filter",
];
/// So many bytes are a small piece.
const SMALL: usize = 4096;
/// Room for the headers of a response.
const HEADERS: usize = 8192;

impl Request {
    /// Whether a piece of `length` bytes can be sent at once: the filters are known to wait for nothing, and the send
    /// buffer of the socket has ample room.
    pub fn sends_at_once(&self, length: usize) -> bool {
        let is_prompt = || {
            self.output_chain()
                .all(|filter| PROMPT.contains(&&*filter.name()))
        };
        let c = self.connection();
        length <= SMALL
            && !c.has_unsent()
            && is_prompt()
            && c.descriptor()
                .and_then(room)
                .is_some_and(|room| room >= length + HEADERS)
    }
}

/// How many bytes the kernel takes of a socket at least, without waiting. It counts its own memory against the size of
/// the buffer, up to a few times what is sent.
fn room(socket: RawFd) -> Option<usize> {
    let mut unsent: libc::c_int = 0;
    // SAFETY: a place for the answer.
    if unsafe { libc::ioctl(socket, libc::TIOCOUTQ, &raw mut unsent) } != 0 {
        return None;
    }
    let mut size: libc::c_int = 0;
    let mut length = size_of::<libc::c_int>() as libc::socklen_t;
    let option = (&raw mut size).cast();
    // SAFETY: a place for the answer, and its length.
    let found = unsafe {
        libc::getsockopt(
            socket,
            libc::SOL_SOCKET,
            libc::SO_SNDBUF,
            option,
            &raw mut length,
        )
    };
    if found != 0 {
        return None;
    }
    let size = usize::try_from(size).ok()? / 4;
    size.checked_sub(usize::try_from(unsent).ok()?)
}
