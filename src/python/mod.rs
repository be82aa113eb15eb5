//! Everything that holds a Python object. Above `httpd`, below `entry`.

pub mod body;
pub mod call;
pub mod class;
pub mod connection;
pub mod context;
pub mod data;
pub mod drops;
pub mod filter;
pub mod finfo;
pub mod generator;
pub mod interpreter;
mod landing;
pub mod lease;
pub mod loader;
pub mod module;
pub mod reader;
pub mod report;
pub mod request;
pub mod response;
pub mod server;
pub mod state;
pub mod stepper;
pub mod table;
pub mod text;
