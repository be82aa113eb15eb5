//! The named interpreters of a child: made when they are first asked for, one at a time.
//!
//! While a thread makes one, the lock here is free. A thread that asks for an interpreter that exists gets it at once;
//! a thread that asks for another one waits, without the GIL. If making it fails, the threads that waited for that
//! attempt get the same reason, and so do those that ask within a pause; then the next one tries again.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use super::context::About;
use super::interpreter::Interpreter;
use crate::engine::python_home::PythonHome;
use crate::engine::settings::Settings;
use crate::httpd::log::Level;
use crate::httpd::{Server, Status};
use crate::locks::{Lock, Signal};

/// The most named interpreters of a child without `PythonMaxInterpreters`, besides one for the name of each server.
/// Each takes a few megabytes before it has imported anything.
const MOST: usize = 100;

/// How long an interpreter that could not be made is not tried again.
const PAUSE: Duration = Duration::from_secs(2);
/// How long it is not said again that one would be too many: the child has no fewer later.
const PAUSE_AT_LIMIT: Duration = Duration::from_secs(60);

/// Why there is no interpreter. `Display` gives the reason as a sentence.
#[derive(Clone, Debug)]
pub struct NoPython {
    reason: String,
    /// The status with which a request is answered.
    pub status: Status,
    /// Whether the log has it from whoever tried to make the interpreter.
    is_known: bool,
}

impl NoPython {
    /// The interpreter could not be made, for this reason: status 500.
    pub fn failed(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            status: Status::INTERNAL_SERVER_ERROR,
            is_known: false,
        }
    }

    /// The interpreter `name` could not be made, for the given reason.
    pub(super) fn not_made(name: &str, reason: impl fmt::Display) -> Self {
        Self::failed(format!("interpreter '{name}' was not made: {reason}"))
    }

    /// The interpreter `name` cannot have this `PythonHome`.
    pub(super) fn without_effect(name: &str, home: &PythonHome) -> Self {
        Self::failed(format!(
            "interpreter '{name}' cannot have {home}, since another module of this httpd has started Python: leave it \
             out, and name the environment with that module's directive"
        ))
    }

    /// The interpreter `name` has another `PythonHome` than the section that asks for it.
    pub(super) fn other_home(
        name: &str,
        own: Option<&PythonHome>,
        wanted: Option<&PythonHome>,
    ) -> Self {
        let text = |home: Option<&PythonHome>| match home {
            Some(home) => home.to_string(),
            None => "no PythonHome".to_owned(),
        };
        Self::failed(format!(
            "interpreter '{name}' has {}, and what asks for it has {}: write the same PythonHome in both places, or \
             a PythonInterpreter of its own beside one of them",
            text(own),
            text(wanted)
        ))
    }

    /// The child has as many interpreters as it may have: status 503.
    fn too_many(name: &str, most: usize) -> Self {
        Self {
            reason: format!(
                "interpreter '{name}' would be one too many: this child has {most} besides \
                 main_interpreter: write PythonMaxInterpreters with a larger number, or give several sites or \
                 directories one PythonInterpreter"
            ),
            status: Status::SERVICE_UNAVAILABLE,
            is_known: false,
        }
    }

    /// The same for those who did not try.
    fn known(self) -> Self {
        Self {
            is_known: true,
            ..self
        }
    }

    /// How long nobody tries again.
    fn pause(&self) -> Duration {
        match self.status {
            Status::SERVICE_UNAVAILABLE => PAUSE_AT_LIMIT,
            _ => PAUSE,
        }
    }

    /// Writes to the error log of `about` that `what` has no Python, and why. What the log has already is at level info.
    #[track_caller]
    pub fn log(&self, about: About<'_>, level: Level, what: &str) {
        let level = if self.is_known { Level::Info } else { level };
        about.log(level, &self.sentence(what));
    }

    /// The sentence for the error log, or for an exception: `what` has no Python, and why.
    pub fn sentence(&self, what: &str) -> String {
        format!("no Python for {what}: {self}")
    }
}

impl fmt::Display for NoPython {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

type Made = Result<&'static Interpreter, NoPython>;

/// The most named interpreters of this child: the largest `PythonMaxInterpreters` of all servers. Without one, what
/// directories name is bounded, and each server has its own besides.
pub fn most(main: Option<&'static Server>) -> usize {
    let servers = || main.into_iter().flat_map(Server::and_following);
    let set = servers().filter_map(|server| server.settings::<Settings>().max_interpreters);
    set.max().unwrap_or_else(|| {
        let names: HashSet<_> = servers().map(Server::hostname).collect();
        MOST + names.len()
    })
}

/// The named interpreters.
#[derive(Default)]
pub struct Named {
    state: Lock<NamedState>,
    changed: Signal,
}

#[derive(Default)]
struct NamedState {
    ready: HashMap<String, &'static Interpreter>,
    making: Option<Arc<Attempt>>,
    failed: HashMap<String, FailedAttempt>,
}

impl NamedState {
    /// Keeps why the interpreter of this name was not made.
    fn failed(&mut self, name: &str, reason: &NoPython) {
        let now = Instant::now();
        self.failed.retain(|_, failure| failure.until > now);
        let failure = FailedAttempt {
            reason: reason.clone().known(),
            until: now + reason.pause(),
        };
        self.failed.insert(name.to_owned(), failure);
    }

    /// Why the interpreter of this name was not made, if it is too early to try again.
    fn failure(&self, name: &str) -> Option<NoPython> {
        let failure = self.failed.get(name)?;
        (failure.until > Instant::now()).then(|| failure.reason.clone())
    }
}

/// An interpreter that could not be made.
struct FailedAttempt {
    reason: NoPython,
    until: Instant,
}

/// An interpreter that is being made.
struct Attempt {
    name: String,
    /// The result; empty if making the interpreter panicked.
    made: OnceLock<Made>,
}

impl Named {
    /// The interpreter of this name, if it exists. Any thread, with or without the GIL.
    pub fn get(&self, name: &str) -> Option<&'static Interpreter> {
        self.state.lock().ready.get(name).copied()
    }

    /// The interpreter of this name. Calls `make` if it does not exist and there are fewer than `most`. Called without
    /// the GIL: this may wait for a thread that needs it.
    ///
    /// # Errors
    /// What `make` returns, here, on the thread that this one has waited for, or a short time ago; there are `most`
    /// interpreters already.
    pub fn get_or_make(&self, name: &str, most: usize, make: impl FnOnce() -> Made) -> Made {
        let mut state = self.state.lock();
        loop {
            if let Some(found) = state.ready.get(name) {
                return Ok(found);
            }
            let Some(attempt) = state.making.clone() else {
                break;
            };
            let goes_on = |state: &NamedState| {
                let making = state.making.as_ref();
                making.is_some_and(|making| Arc::ptr_eq(making, &attempt))
            };
            while goes_on(&state) {
                state = self.changed.wait(state);
            }
            if attempt.name == name {
                let nothing = || Err(NoPython::not_made(name, "its making panicked"));
                let made = attempt.made.get().cloned().unwrap_or_else(nothing);
                return made.map_err(NoPython::known);
            }
        }
        if let Some(reason) = state.failure(name) {
            return Err(reason);
        }
        if state.ready.len() >= most {
            let reason = NoPython::too_many(name, most);
            state.failed(name, &reason);
            return Err(reason);
        }
        let attempt = Arc::new(Attempt {
            name: name.to_owned(),
            made: OnceLock::new(),
        });
        state.making = Some(attempt.clone());
        drop(state);
        let end = EndOfAttempt(self, &attempt);
        let made = make();
        let made = attempt.made.get_or_init(|| made).clone();
        drop(end);
        made
    }
}

/// Wakes the threads that wait for an attempt, even if `make` has panicked.
struct EndOfAttempt<'a>(&'a Named, &'a Attempt);

impl Drop for EndOfAttempt<'_> {
    fn drop(&mut self) {
        let Self(named, attempt) = self;
        let mut state = named.state.lock();
        state.making = None;
        match attempt.made.get() {
            Some(Ok(made)) => {
                state.ready.insert(attempt.name.clone(), made);
                state.failed.remove(&attempt.name);
            }
            Some(Err(reason)) => state.failed(&attempt.name, reason),
            None => {}
        }
        drop(state);
        named.changed.give_all();
    }
}
