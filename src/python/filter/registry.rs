//! What the configuration declares of filters.

use std::sync::Arc;

use super::drive;
use crate::engine::filters::{Filter as Declared, Way};
use crate::engine::registry::Registry;
use crate::engine::settings::Settings;
use crate::httpd::filter::Direction;
use crate::httpd::hooks::filters::RUN_TIME;
use crate::httpd::server::config;
use crate::httpd::{Filter, Pool};
use crate::locks::{Guard, Lock};

/// The filters of the configuration whose pool this is.
pub fn registry(configuration: &Pool) -> Guard<'_, Registry> {
    let registry: &Lock<Registry> = config::generation(configuration, c"mod_python.filters");
    registry.lock()
}

/// What entry point `slot` stands for where the filter's request is; else its first declaration.
/// On a connection: what the server of its address has.
pub fn declared(filter: &Filter, way: Way, slot: usize) -> Option<(Arc<Declared>, &Settings)> {
    let Some(r) = filter.request() else {
        let settings = filter.connection().base_server().settings::<Settings>();
        return Some((settings.filters.get(&(way, slot)).cloned()?, settings));
    };
    let settings = r.settings::<Settings>();
    if slot == RUN_TIME {
        return Some((drive::run_time_declaration(filter)?, settings));
    }
    let here = settings.filters.get(&(way, slot)).cloned();
    let declared = here.or_else(|| registry(r.server().configuration()).declared(way, slot))?;
    Some((declared, settings))
}

/// The direction of a filter, in httpd's words.
pub fn direction(way: Way) -> Direction {
    match way {
        Way::In => Direction::Input,
        Way::Out => Direction::Output,
    }
}
