//! `conn` and its methods; how connection handlers are called, and how `async def` ones wait and are woken.

pub mod async_io;
pub(in crate::python) mod authorize;
pub mod awaitable;
pub mod call;
pub mod coroutine;
pub(in crate::python) mod ends;
pub(in crate::python) mod fields;
pub mod future;
pub(in crate::python) mod io;
pub(in crate::python) mod loop_event;
pub mod object;
pub mod on_loop;
pub mod role;
pub mod session;
pub mod state;
mod thread_wait;
