//! What the module keeps for a connection between httpd's calls. Only the connection's thread uses it.

use std::cell::{Cell, OnceCell, RefCell};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::session::Session;
use crate::engine::capacity::Room;
use crate::engine::protocols::Protocol;
use crate::httpd::Connection;
use crate::httpd::connection::parked_socket::ParkedSocket;
use crate::parking::kept_alive::KeptAlive;
use crate::parking::limits;
use crate::parking::limits::Member;
use crate::parking::shutdown;
use crate::parking::task::Task;
use crate::parking::transport::Transport;
use crate::parking::watch::Watch;

/// The module's data of one connection; httpd drops it with the connection's pool.
#[derive(Default)]
pub struct ConnectionState {
    /// Whether the handler has declined the connection, which is HTTP's from then on. (Some MPMs run the hook for each
    /// of its requests, or for each input.)
    pub declined: Cell<bool>,
    /// The descriptor that the MPM watches in place of the socket, until a task takes it.
    pub parked_socket: RefCell<Option<ParkedSocket>>,
    /// The task of an `async def` handler's connection.
    pub task: OnceCell<Arc<Task>>,
    /// The protocol that the peer has asked for and httpd has agreed to.
    pub agreed: OnceCell<Arc<Protocol>>,
    /// The task of that protocol's `async def` handler, if a request asked for it (`Upgrade`).
    pub upgraded: OnceCell<Arc<Task>>,
    /// The transport of a TLS handshake that has begun and not ended.
    pub shaking_hands: RefCell<Option<Box<Transport>>>,
    /// Whether the TLS handshake has ended, or there is none.
    pub has_shaken_hands: Cell<bool>,
    /// Whether HTTP is served on the connection now, by a call that can park it.
    pub serves_http: Cell<bool>,
    /// The task of a request that waits without a thread.
    pub waiting: RefCell<Option<Arc<Task>>>,
    /// The task of the connection while it is kept alive, after a request of it has waited so.
    pub kept_alive: RefCell<Option<Arc<Task>>>,
    /// For how long it is kept alive so, since one of its last requests has waited so.
    pub keep_alive_time: Cell<Option<Duration>>,
    /// How many requests have come since that did not wait.
    pub prompt: Cell<u8>,
    /// What reads and writes the connection's bytes since a handler of a request has taken them from HTTP.
    pub taken: OnceCell<Box<Transport>>,
    /// Counts the connection among those that have a handler (`PythonMaxConnections`).
    pub member: RefCell<Option<Member>>,
}

impl ConnectionState {
    /// Makes the task of an `async def` handler. Returns it with the descriptor that the MPM watches while the
    /// connection is parked; without one in the middle of a request (`Upgrade`), where the connection keeps its thread.
    ///
    /// # Errors
    /// The process has too few descriptors (`EMFILE`), or the timer's thread could not be started.
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
            .ok_or_else(|| io::Error::other("the thread for deadlines could not be started"))?;
        let place = match in_request {
            true => &self.upgraded,
            false => &self.task,
        };
        Ok((place.get_or_init(|| task), parked_socket))
    }

    /// A request has ended that has waited without a thread: parks the connection until the next one.
    pub fn keep_alive_after_wait(&self, c: &Connection, watch: Watch, time: Duration) {
        self.keep_alive_time.set(Some(time));
        self.prompt.set(0);
        self.keep_alive(c, watch, time);
    }

    /// A request has ended: parks the connection until the next one, if httpd keeps it alive; else gives it back to HTTP.
    pub fn keep_alive(&self, c: &Connection, mut watch: Watch, time: Duration) {
        if c.is_kept_alive() && !shutdown::is_closing() {
            match KeptAlive::begin(c, watch, time) {
                Ok(task) => {
                    self.kept_alive.replace(Some(task));
                    return;
                }
                Err(unused) => watch = unused,
            }
        }
        watch.give_back();
        self.parked_socket.replace(watch.take_socket());
    }

    /// The tasks of the connection's handlers.
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
        for task in [&self.waiting, &self.kept_alive] {
            if let Some(task) = task.take() {
                task.leave();
            }
        }
    }
}
