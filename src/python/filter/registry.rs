//! What the configuration declares of filters.

use std::sync::Arc;

use super::drive;
use crate::engine::filters::Filter as Declared;
use crate::engine::registry::Registry;
use crate::engine::settings::Settings;
use crate::filter_chain::Direction;
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
pub fn declared(
    filter: &Filter,
    direction: Direction,
    slot: usize,
) -> Option<(Arc<Declared>, &Settings)> {
    let Some(r) = filter.request() else {
        let settings = filter.connection().base_server().settings::<Settings>();
        return Some((settings.filters.get(&(direction, slot)).cloned()?, settings));
    };
    let settings = r.settings::<Settings>();
    if slot == RUN_TIME {
        return Some((drive::run_time_declaration(filter)?, settings));
    }
    let here = settings.filters.get(&(direction, slot)).cloned();
    let declared =
        here.or_else(|| registry(r.server().configuration()).declared(direction, slot))?;
    Some((declared, settings))
}
