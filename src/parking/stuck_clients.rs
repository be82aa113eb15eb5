//! Clients that keep the thread of a request in a child that stops gracefully: where a client has neither taken nor sent
//! anything for the time of handlers, while a thread waits for that, its socket is shut. One that is merely slow goes on.

use std::collections::HashMap;
use std::sync::Once;
use std::thread;
use std::time::{Duration, Instant};

use crate::httpd::connection::blocking;
use crate::httpd::log::Level;
use crate::httpd::server;
use crate::httpd::server::process;

/// The stack of the thread, in bytes.
const STACK: usize = 256 * 1024;
/// How many times it looks in the time of handlers, and how often at most.
const LOOKS: u32 = 4;
const LEAST: Duration = Duration::from_millis(50);

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
            let before = seen.get(&number).copied();
            let since = match before {
                Some((then, since)) if then == moved => since,
                _ => Instant::now(),
            };
            now_seen.insert(number, (moved, since));
            since.elapsed() >= grace
        });
        seen = now_seen;
        thread::sleep((grace / LOOKS).max(LEAST));
    }
}
