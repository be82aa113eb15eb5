//! How a connection's own thread waits for what its `async def` handler needs, where connections do not park.

use std::time::Instant;

use crate::httpd::Connection;
use crate::httpd::connection::parking;
use crate::httpd::connection::thread_event::SocketChange;
use crate::parking::io_state::Needs;
use crate::parking::shutdown;
use crate::parking::task::{Task, Wakeup};
use crate::parking::timer;

/// Waits on the connection's thread for what the handler needs, at most `POLL_INTERVAL`. While that is not its peer, it
/// waits for what is `watched` of the socket as well. Called without the turn and without the GIL.
pub(super) fn wait_here(
    c: &Connection,
    task: &Task,
    needs: Needs,
    watched: Option<SocketChange>,
) -> Wakeup {
    if parking::is_stopping() && !shutdown::is_closing() {
        timer::close(super::call::grace());
    }
    if !needs.read && !needs.write {
        return task.wait(watched.map(|watched| (c, watched)), needs.until);
    }
    let until = needs
        .until
        .map(|until| until.saturating_duration_since(Instant::now()));
    let time = until.map_or(timer::POLL_INTERVAL, |time| time.min(timer::POLL_INTERVAL));
    c.wait(needs.read, needs.write, time);
    Wakeup::default()
}
