//! What the module keeps for a connection between httpd's calls.

use std::cell::{Cell, OnceCell, RefCell};
use std::io;
use std::sync::Arc;

use super::session::Session;
use crate::engine::capacity::Room;
use crate::engine::protocols::Protocol;
use crate::httpd::connection::parked_socket::ParkedSocket;
use crate::parking::limits;
use crate::parking::limits::Member;
use crate::parking::task::Task;
use crate::parking::transport::Transport;

/// Our value for a connection.
#[derive(Default)]
pub struct ConnectionState {
    /// Whether the handler declined it: from then on it is HTTP's. (Some MPMs ask for each request
    /// that it carries, or whenever something comes.)
    pub declined: Cell<bool>,
    /// What the MPM may watch in place of its socket.
    pub parked_socket: RefCell<Option<ParkedSocket>>,
    /// The task of an `async def` handler's connection.
    pub task: OnceCell<Arc<Task>>,
    /// The protocol that its peer has asked for, and httpd agreed to.
    pub agreed: OnceCell<Arc<Protocol>>,
    /// The task of the `async def` handler of that, when a request asked for it.
    pub upgraded: OnceCell<Arc<Task>>,
    /// Kept while TLS's handshake has begun and not ended.
    pub shaking_hands: RefCell<Option<Box<Transport>>>,
    /// TLS's handshake is over, if there is one.
    pub has_shaken_hands: Cell<bool>,
    /// Its place among those with a handler.
    pub member: RefCell<Option<Member>>,
}

impl ConnectionState {
    /// A task for an `async def` handler, and the parked socket with which it is parked, if it can be: not
    /// in the middle of a request, as when that has asked for another protocol.
    ///
    /// # Errors
    /// There are too few descriptors, or no thread for deadlines.
    pub fn take_task(
        &self,
        in_request: bool,
        can_park: bool,
    ) -> io::Result<(&Arc<Task>, Option<ParkedSocket>)> {
        let mut parked_socket = None;
        if can_park && !in_request {
            let place = self.parked_socket.borrow();
            let has_room = |taken: &ParkedSocket| limits::room(taken.socket()) != Room::None;
            if !place.as_ref().is_some_and(has_room) {
                return Err(io::Error::from_raw_os_error(libc::EMFILE));
            }
            drop(place);
            parked_socket = self.parked_socket.take();
        }
        let task = Task::new::<Session>(parked_socket.is_some())
            .ok_or_else(|| io::Error::other("no thread"))?;
        let place = match in_request {
            true => &self.upgraded,
            false => &self.task,
        };
        Ok((place.get_or_init(|| task), parked_socket))
    }

    /// The tasks of its handlers.
    pub fn tasks(&self) -> impl Iterator<Item = &Arc<Task>> {
        [&self.task, &self.upgraded]
            .into_iter()
            .filter_map(OnceCell::get)
    }
}

impl Drop for ConnectionState {
    fn drop(&mut self) {
        for task in self.tasks() {
            task.leave();
        }
    }
}
