//! Clients that keep the thread of a request in a child that stops gracefully: where a client has neither taken nor sent
//! anything for the time of handlers, while a thread waits for that, its socket is shut. One that is merely slow goes on.

use std::collections::HashMap;
use std::sync::Once;
use std::thread;
use std::time::{Duration, Instant};

use super::movement::{Movement, look_interval};
use crate::httpd::connection::blocking;
use crate::httpd::log::Level;
use crate::httpd::server;
use crate::httpd::server::process;

/// The stack of the thread, in bytes.
const STACK: usize = 256 * 1024;

/// The child begins to stop gracefully: starts the thread that looks at such clients, which have `grace`. Only the first
/// call counts.
pub fn watch(grace: Duration) {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        let builder = thread::Builder::new().name("stuck clients".into());
        if let Err(error) = builder.stack_size(STACK).spawn(move || look(grace)) {
            let text = format!(
                "no thread looks whether clients keep requests from their end while this child stops: {error}"
            );
            server::log(Level::Warning, &text);
        }
    });
}

/// The main function of the thread.
fn look(grace: Duration) {
    process::block_signals();
    let mut seen = HashMap::new();
    loop {
        let mut now_seen = HashMap::new();
        blocking::shut_requests(|number, moved| {
            let mut movement: Movement = seen.remove(&number).unwrap_or_default();
            let next = movement.look(Instant::now(), moved, grace);
            now_seen.insert(number, movement);
            next.is_none()
        });
        seen = now_seen;
        thread::sleep(look_interval(grace));
    }
}
