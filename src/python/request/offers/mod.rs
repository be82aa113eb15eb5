//! Requests that threads of httpd offer to an event loop of asyncio's, whose thread has the GIL, without entering Python:
//! those for applications of ASGI, and those for handlers under `@apache.aio`.

pub mod answer;
pub mod at_hand;
pub mod kept;
pub mod offer;
pub mod offered;
pub mod queue;
pub mod serve;
