//! The settings that the directives of a section make, and how sections are merged.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::access::AuthProvider;
use super::added_extensions::AddedExtensions;
use super::application::Applications;
use super::filters::DeclaredFilter;
use super::handler_lists::{Chosen, Lists};
use super::handlers::HandlerList;
use super::import::Import;
use super::interpreter_rule::InterpreterRule;
use super::options::Options;
use super::phases::Phase;
use super::protocols::Protocol;
use super::python_home::PythonHome;
use super::python_path::WrittenPath;
use super::request_id::RequestIds;
use crate::filter_chain::Direction;

/// The settings of one section, or of several merged ones. `None` means that no directive sets the value.
#[derive(Clone, Default)]
pub struct Settings {
    /// `PythonInterpreter`.
    pub interpreter: Option<Arc<InterpreterRule>>,
    /// `PythonPath`.
    pub path: Option<Arc<WrittenPath>>,
    /// `PythonHome`.
    pub home: Option<Arc<PythonHome>>,
    /// `PythonGracefulTimeout`.
    pub graceful_timeout: Option<Duration>,
    /// `PythonShutdownTimeout`.
    pub shutdown_timeout: Option<Duration>,
    /// `PythonMaxConnections`.
    pub max_connections: Option<usize>,
    /// `PythonMaxWaitingRequests`: how many requests wait without a thread; 0: each holds its thread.
    pub max_waiting_requests: Option<usize>,
    /// `PythonMaxInterpreters`.
    pub max_interpreters: Option<usize>,
    /// `PythonSwitchInterval`.
    pub switch_interval: Option<Duration>,
    /// `PythonInputSpool`: how many bytes of a request's body are kept for a reader that needs its length; 0: no
    /// body is kept.
    pub input_spool: Option<usize>,
    /// `PythonRequestID`.
    pub request_ids: Option<RequestIds>,
    /// `PythonDebug`.
    pub debug: Option<bool>,
    /// `PythonInterpPerDirectory`.
    pub per_directory: Option<bool>,
    /// `PythonInterpPerDirective`.
    pub per_directive: Option<bool>,
    /// `PythonAutoReload`.
    pub auto_reload: Option<bool>,
    /// `PythonEnablePdb`.
    pub enable_pdb: Option<bool>,
    /// `PythonDumpSignal`: whether SIGUSR2 writes the stacks of Python code to the log.
    pub dump_signal: Option<bool>,
    /// `PythonOptimize`.
    pub optimize: Option<bool>,
    /// `PythonHtaccess`.
    pub htaccess: Option<bool>,
    /// `PythonOption mod_python.location_shortcut`.
    pub location_shortcut: Option<bool>,
    /// `PythonOption`.
    pub options: Arc<Options>,
    /// `PythonImport`, in order.
    pub imports: Arc<[Arc<Import>]>,
    /// The handlers of each phase.
    pub handlers: Option<Arc<Lists>>,
    /// `PythonAuthProvider`.
    pub auth_provider: Option<Arc<AuthProvider>>,
    /// `AddHandler` and `RemoveHandler`, which are mod_mime's.
    pub extensions: Arc<AddedExtensions>,
    /// `PythonProtocol`, by name.
    pub protocols: Arc<BTreeMap<String, Arc<Protocol>>>,
    /// `PythonApplication`.
    pub applications: Arc<Applications>,
    /// The filters declared here, by direction and number.
    pub filters: Arc<BTreeMap<(Direction, usize), Arc<DeclaredFilter>>>,
    /// Whether sections could not be merged: requests get 500, since their access handlers are not known.
    pub is_unusable: bool,
}

/// How many bytes of a body are kept where `PythonInputSpool` does not say it.
const INPUT_SPOOL: usize = 64 << 20;

/// The option about the number of global locks.
pub const MUTEX_LOCKS: &str = "mod_python.mutex_locks";

impl Settings {
    /// Whether nothing is set.
    pub fn is_empty(&self) -> bool {
        self.interpreter.is_none()
            && self.path.is_none()
            && self.home.is_none()
            && self.graceful_timeout.is_none()
            && self.shutdown_timeout.is_none()
            && self.max_connections.is_none()
            && self.max_waiting_requests.is_none()
            && self.max_interpreters.is_none()
            && self.switch_interval.is_none()
            && self.input_spool.is_none()
            && self.request_ids.is_none()
            && self.flags().all(|(_, value)| value.is_none())
            && self.options.is_empty()
            && self.imports.is_empty()
            && self.handlers.is_none()
            && self.auth_provider.is_none()
            && self.extensions.is_empty()
            && self.protocols.is_empty()
            && self.applications.is_empty()
            && self.filters.is_empty()
            && !self.is_unusable
    }

    /// The settings in `inner`, a section inside of `outer` or after it: for each key the inner value holds. A
    /// list of handlers replaces the outer list of the same phase and extension as a whole.
    pub fn merged(outer: &Self, inner: &Self) -> Self {
        Self {
            interpreter: inner
                .interpreter
                .clone()
                .or_else(|| outer.interpreter.clone()),
            path: inner.path.clone().or_else(|| outer.path.clone()),
            home: inner.home.clone().or_else(|| outer.home.clone()),
            debug: inner.debug.or(outer.debug),
            graceful_timeout: inner.graceful_timeout.or(outer.graceful_timeout),
            shutdown_timeout: inner.shutdown_timeout.or(outer.shutdown_timeout),
            max_connections: inner.max_connections.or(outer.max_connections),
            max_waiting_requests: inner.max_waiting_requests.or(outer.max_waiting_requests),
            max_interpreters: inner.max_interpreters.or(outer.max_interpreters),
            switch_interval: inner.switch_interval.or(outer.switch_interval),
            input_spool: inner.input_spool.or(outer.input_spool),
            request_ids: (inner.request_ids.clone()).or_else(|| outer.request_ids.clone()),
            per_directory: inner.per_directory.or(outer.per_directory),
            per_directive: inner.per_directive.or(outer.per_directive),
            auto_reload: inner.auto_reload.or(outer.auto_reload),
            enable_pdb: inner.enable_pdb.or(outer.enable_pdb),
            optimize: inner.optimize.or(outer.optimize),
            dump_signal: inner.dump_signal.or(outer.dump_signal),
            htaccess: inner.htaccess.or(outer.htaccess),
            location_shortcut: inner.location_shortcut.or(outer.location_shortcut),
            options: Options::merged(&outer.options, &inner.options),
            imports: match (outer.imports.is_empty(), inner.imports.is_empty()) {
                (_, true) => outer.imports.clone(),
                (true, _) => inner.imports.clone(),
                _ => outer
                    .imports
                    .iter()
                    .chain(&*inner.imports)
                    .cloned()
                    .collect(),
            },
            handlers: match (&outer.handlers, &inner.handlers) {
                (Some(outer), Some(inner)) => Some(Arc::new(outer.overlaid(inner))),
                (one, None) | (None, one) => one.clone(),
            },
            auth_provider: (inner.auth_provider.clone()).or_else(|| outer.auth_provider.clone()),
            extensions: AddedExtensions::merged(&outer.extensions, &inner.extensions),
            protocols: overlay(&outer.protocols, &inner.protocols),
            applications: Applications::merged(&outer.applications, &inner.applications),
            filters: overlay(&outer.filters, &inner.filters),
            is_unusable: outer.is_unusable || inner.is_unusable,
        }
    }

    /// The settings of sections that could not be merged.
    pub fn unusable() -> Self {
        Self {
            is_unusable: true,
            ..Self::default()
        }
    }

    /// How many bytes of a body are kept for a reader that needs its length; `None`: no body is kept.
    pub fn input_spool(&self) -> Option<u64> {
        let limit = self.input_spool.unwrap_or(INPUT_SPOOL);
        (limit > 0).then_some(limit as u64)
    }

    /// Whether changed modules are reloaded (`PythonAutoReload`).
    pub fn reloads(&self) -> bool {
        self.auto_reload != Some(false)
    }

    /// The directives that are On or Off.
    pub fn flags(&self) -> impl Iterator<Item = (&'static str, Option<bool>)> {
        [
            ("PythonInterpPerDirectory", self.per_directory),
            ("PythonInterpPerDirective", self.per_directive),
            ("PythonAutoReload", self.auto_reload),
            ("PythonDebug", self.debug),
            ("PythonEnablePdb", self.enable_pdb),
            ("PythonOptimize", self.optimize),
            ("PythonHtaccess", self.htaccess),
            ("PythonDumpSignal", self.dump_signal),
        ]
        .into_iter()
    }

    /// Appends to the section's list of a phase.
    pub fn add_handlers(&mut self, phase: Phase, list: &HandlerList) {
        Arc::make_mut(self.handlers.get_or_insert_default()).add(phase, list);
    }

    /// The handlers of a phase for a request for this file.
    pub fn handlers<'a>(&'a self, phase: Phase, filename: Option<&'a [u8]>) -> Option<Chosen<'a>> {
        self.handlers.as_ref()?.choose(phase, filename)
    }

    /// Whether a phase has handlers for any request.
    pub fn has(&self, phase: Phase) -> bool {
        self.handlers.as_ref().is_some_and(|lists| lists.has(phase))
    }

    /// The options that hold, as written.
    pub fn options(&self) -> impl Iterator<Item = (&str, &str)> {
        self.options.iter()
    }

    /// The number of global locks (`PythonOption mod_python.mutex_locks`), if it is set.
    pub fn locks(&self) -> Option<usize> {
        self.options.get(MUTEX_LOCKS)?.parse().ok()
    }
}

fn overlay<K: Ord + Clone, V: Clone>(
    outer: &Arc<BTreeMap<K, V>>,
    inner: &Arc<BTreeMap<K, V>>,
) -> Arc<BTreeMap<K, V>> {
    if inner.is_empty() {
        return outer.clone();
    }
    if outer.is_empty() {
        return inner.clone();
    }
    let mut merged = BTreeMap::clone(outer);
    merged.extend(
        inner
            .iter()
            .map(|(key, value)| (key.clone(), value.clone())),
    );
    Arc::new(merged)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::application::Application;
    use crate::engine::handlers::Home;

    #[test]
    fn the_inner_section_wins_where_it_says_something() {
        let rule = InterpreterRule::parse("a").expect("a rule");
        let outer = Settings {
            interpreter: Some(Arc::new(rule)),
            debug: Some(true),
            ..Settings::default()
        };
        let inner = Settings {
            debug: Some(false),
            ..Settings::default()
        };
        let merged = Settings::merged(&outer, &inner);
        let text = merged.interpreter.as_deref().map(InterpreterRule::text);
        assert_eq!(text, Some("a"));
        assert_eq!(merged.debug, Some(false));
        assert!(Settings::merged(&Settings::default(), &Settings::default()).is_empty());
        assert!(!outer.is_empty());
        let most = Settings {
            max_interpreters: Some(3),
            ..Settings::default()
        };
        assert!(!most.is_empty());
        assert_eq!(Settings::merged(&most, &inner).max_interpreters, Some(3));
        let ends = Settings {
            shutdown_timeout: Some(Duration::ZERO),
            ..Settings::default()
        };
        assert!(!ends.is_empty());
        let merged = Settings::merged(&ends, &most);
        assert_eq!(merged.shutdown_timeout, Some(Duration::ZERO));
        let spool = Settings {
            input_spool: Some(0),
            ..Settings::default()
        };
        assert!(!spool.is_empty());
        assert_eq!(Settings::merged(&spool, &most).input_spool, Some(0));
        let home = |folder| Settings {
            home: Some(Arc::new(PythonHome::parse(folder, "test.conf:1").unwrap())),
            ..Settings::default()
        };
        assert!(!home("/a").is_empty());
        let folder = |settings: Settings| settings.home.map(|home| home.folder.clone());
        assert_eq!(folder(Settings::merged(&home("/a"), &most)).unwrap(), "/a");
        assert_eq!(
            folder(Settings::merged(&home("/a"), &home("/b"))).unwrap(),
            "/b"
        );
    }

    #[test]
    fn the_inner_request_ids_hold() {
        let ids = |ids| Settings {
            request_ids: Some(ids),
            ..Settings::default()
        };
        assert!(!ids(RequestIds::Off).is_empty());
        let inherited = Settings::merged(&ids(RequestIds::Own), &Settings::default());
        assert_eq!(inherited.request_ids, Some(RequestIds::Own));
        let own = Settings::merged(&ids(RequestIds::Own), &ids(RequestIds::Off));
        assert_eq!(own.request_ids, Some(RequestIds::Off));
    }

    #[test]
    fn the_inner_provider_holds() {
        let provider = |text| {
            let provider = AuthProvider::parse(text, &Home::None, &"test.conf:1".into());
            Settings {
                auth_provider: provider.ok().map(Arc::new),
                ..Settings::default()
            }
        };
        let text = |settings: Settings| settings.auth_provider.map(|one| one.text().to_owned());
        assert!(!provider("a").is_empty());
        let inherited = Settings::merged(&provider("a"), &Settings::default());
        assert_eq!(text(inherited).as_deref(), Some("a"));
        let own = Settings::merged(&provider("a"), &provider("b"));
        assert_eq!(text(own).as_deref(), Some("b"));
    }

    #[test]
    fn applications_of_sections_add_up() {
        let mounted = |line: &str| {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            let one = Application::parse(&words, None, &Home::None, &"test.conf:1".into()).unwrap();
            let mut settings = Settings::default();
            Arc::make_mut(&mut settings.applications).add(&Arc::new(one));
            settings
        };
        let (outer, inner) = (mounted("/ wsgi site"), mounted("/x wsgi shop"));
        assert!(!outer.is_empty());
        let merged = Settings::merged(&outer, &inner);
        assert_eq!(merged.applications.iter().count(), 2);
        let merged = Settings::merged(&merged, &mounted("/x wsgi inner"));
        let found = merged.applications.find(b"/x/y").unwrap().0;
        assert_eq!(found.target.handler.module, "inner");
        assert!(merged.applications.find(b"/y").is_some());
    }

    #[test]
    fn what_could_not_be_merged_stays_unusable() {
        let unusable = Settings::unusable();
        let usable = Settings {
            debug: Some(true),
            ..Settings::default()
        };
        assert!(!unusable.is_empty());
        assert!(Settings::merged(&unusable, &usable).is_unusable);
        assert!(Settings::merged(&usable, &unusable).is_unusable);
        assert!(!Settings::merged(&usable, &usable).is_unusable);
    }

    #[test]
    fn options_merge_by_key_and_empty_ones_are_unset() {
        let option = |key: &str, value: &str| {
            let mut settings = Settings::default();
            Arc::make_mut(&mut settings.options).insert(key.to_owned(), value.to_owned());
            settings
        };
        let both = Settings::merged(&option("Color", "red"), &option("size", "9"));
        let found: Vec<_> = both.options().collect();
        assert_eq!(found, [("Color", "red"), ("size", "9")]);
        let unset = Settings::merged(&both, &option("color", ""));
        assert_eq!(unset.options().collect::<Vec<_>>(), [("size", "9")]);
    }
}
