//! The filters that the configuration declares. The lock of a registry is short; any thread, with or without the GIL.

use std::sync::Arc;

use super::drive;
use crate::engine::filters::{DeclaredFilter, Encoding};
use crate::engine::registry::Registry;
use crate::engine::settings::Settings;
use crate::filter_chain::Direction;
use crate::httpd::filter::inflater::can_decode;
use crate::httpd::hooks::filters::RUN_TIME;
use crate::httpd::server::config;
use crate::httpd::{Filter, Pool};
use crate::locks::{Guard, Lock};

/// Checks that the modules are loaded that a filter needs.
///
/// # Errors
/// A sentence that says what to write.
pub fn check(filter: &DeclaredFilter, direction: Direction) -> Result<(), String> {
    if filter.encoding == Encoding::Decode && !can_decode(direction) {
        return Err(
            "encoding=decode needs mod_deflate, which is not loaded: write 'LoadModule deflate_module \
             modules/mod_deflate.so' before this line (Debian: a2enmod deflate)"
                .into(),
        );
    }
    Ok(())
}

/// The filters of a configuration, by its pool.
pub fn registry(configuration: &Pool) -> Guard<'_, Registry> {
    let registry: &Lock<Registry> = config::generation(configuration, c"mod_python.filters");
    registry.lock()
}

/// The declaration that entry point `slot` stands for in the section of the filter's request, and the settings there;
/// its first declaration if the section has none. For a filter of a connection, that of the server of its address.
pub fn declared(
    filter: &Filter,
    direction: Direction,
    slot: usize,
) -> Option<(Arc<DeclaredFilter>, &Settings)> {
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
