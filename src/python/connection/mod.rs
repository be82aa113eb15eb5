//! `conn`, its methods; how handlers of connections are called, and how the `async def` ones among
//! them talk, wait and are woken.

pub mod alarm;
mod authorize;
pub mod call;
pub mod crowd;
pub mod duplex;
pub mod farewell;
pub mod object;
pub mod pending;
pub mod post;
pub mod reactor;
pub mod role;
pub mod seat;
pub mod speaker;
pub mod talk;
pub mod waits;
pub mod wire;
pub mod wishes;
