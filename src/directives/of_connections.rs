//! The directives about who serves connections.

use std::sync::Arc;

use super::arguments::Setting;
use crate::connections;
use crate::engine::handlers::{HandlerList, Home};
use crate::engine::phases::Phase;
use crate::engine::protocols::Protocol;
use crate::httpd::server::config::Line;

pub fn connection_handler(line: &Line<'_>) -> Setting {
    let list = HandlerList::parse(&line.words(), &Home::None, &line.source().into())?;
    if list.handlers.len() > 1 || !list.extensions.is_empty() {
        return Err("takes one handler, for every connection: write module::function".into());
    }
    Ok(Box::new(move |settings| {
        settings.add_handlers(Phase::Connection, &list)
    }))
}

pub fn protocol(line: &Line<'_>) -> Setting {
    let protocol = Arc::new(Protocol::parse(&line.words(), &line.source().into())?);
    let name = protocol.name.to_string_lossy().into_owned();
    connections::registry(line.configuration()).push(protocol.clone());
    Ok(Box::new(move |settings| {
        Arc::make_mut(&mut settings.protocols).insert(name.clone(), protocol.clone());
    }))
}
