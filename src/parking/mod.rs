//! Connections that wait without a thread: tasks, the reactor that steps them, timers, and the transport
//! that reads and writes without blocking. Holds no Python object.

pub mod departure;
pub mod io_state;
pub mod kept_alive;
pub mod late_signals;
pub mod limits;
pub mod lingering_close;
pub mod movement;
pub mod mpm_calls;
mod nonblocking;
pub mod reactor;
pub mod shutdown;
pub mod stuck_clients;
pub mod task;
#[cfg(test)]
mod tests;
pub mod timer;
pub mod transport;
pub mod watch;
