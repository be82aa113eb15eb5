//! How a connection's own thread waits for what its `async def` handler needs, where connections do not park.

use std::time::{Duration, Instant};

use crate::httpd::Connection;
use crate::httpd::connection::parking;
use crate::httpd::connection::thread_event::SocketChange;
use crate::parking::io_state::Needs;
use crate::parking::shutdown;
use crate::parking::task::{Task, Wakeup};
use crate::parking::timer;

/// After so long it is looked whether asyncio's loop has called, while room in the send buffer is awaited.
const LOOK: Duration = Duration::from_millis(20);

/// Waits on the connection's thread for what the handler needs, at most `POLL_INTERVAL`. While that is not its peer, it
/// waits for what is `watched` of the socket as well; so it does for input while asyncio's loop may call for it (`lends`).
/// Called without the turn and without the GIL.
pub(super) fn wait_here(
    c: &Connection,
    task: &Task,
    needs: Needs,
    watched: Option<SocketChange>,
    lends: bool,
) -> Wakeup {
    if parking::is_stopping() && !shutdown::is_closing() {
        timer::close(super::call::grace());
    }
    if !needs.read && !needs.write {
        return task.wait(watched.map(|watched| (c, watched)), needs.until);
    }
    if lends && !needs.write {
        return task.wait(Some((c, SocketChange::Input)), needs.until);
    }
    let until = needs
        .until
        .map(|until| until.saturating_duration_since(Instant::now()));
    let most = match lends {
        true => LOOK,
        false => timer::POLL_INTERVAL,
    };
    let time = until.map_or(most, |time| time.min(most));
    c.wait(needs.read, needs.write, time);
    Wakeup::default()
}
