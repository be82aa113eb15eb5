//! The handlers of a running phase: those of the configuration, then those that Python code has added. The lock of a
//! chain is held for a few instructions, by threads that have the GIL, too.

use std::sync::Arc;

use pyo3::prelude::*;

use crate::engine::handler_lists::List;
use crate::engine::handlers::Handler;
use crate::locks::{Guard, Lock};
use crate::python::runtime::interpreter::Interpreter;

/// A handler that Python code added to a request.
pub struct Added {
    /// The handler's name, and the section that says where its module is looked for.
    pub handler: Handler,
    /// The function, where Python code gave it instead of a name.
    pub object: Option<Foreign>,
}

/// An object with the interpreter that it belongs to.
pub struct Foreign {
    /// The interpreter.
    pub interpreter: &'static Interpreter,
    /// The object.
    pub object: Py<PyAny>,
}

/// A handler in a chain.
#[derive(Clone)]
pub enum ChainedHandler {
    /// From the configuration: a list, and the index in it.
    Configured(List, usize),
    /// From Python code.
    Added(Arc<Added>),
}

impl ChainedHandler {
    /// The handler's name, and the section that says where its module is looked for.
    pub fn handler(&self) -> &Handler {
        match self {
            Self::Configured(list, index) => &list[*index],
            Self::Added(added) => &added.handler,
        }
    }
}

/// The handlers of a running phase, and which of them runs.
pub struct Chain(Lock<ChainState>);

struct ChainState {
    configured: Option<List>,
    added: Vec<Arc<Added>>,
    at: usize,
}

impl Chain {
    /// A chain that begins with its first handler.
    pub fn new(configured: Option<List>, added: Vec<Arc<Added>>) -> Self {
        Self(Lock::short(ChainState {
            configured,
            added,
            at: 0,
        }))
    }

    fn inner(&self) -> Guard<'_, ChainState> {
        self.0.lock()
    }

    /// The handler that runs; `None` when all have run.
    pub fn current(&self) -> Option<ChainedHandler> {
        let inner = self.inner();
        let configured = inner
            .configured
            .as_ref()
            .filter(|list| inner.at < list.len());
        if let Some(list) = configured {
            return Some(ChainedHandler::Configured(list.clone(), inner.at));
        }
        let before = inner.configured.as_ref().map_or(0, |list| list.len());
        let added = inner.added.get(inner.at - before);
        added.map(|added| ChainedHandler::Added(added.clone()))
    }

    /// Goes on to the next handler.
    pub fn advance(&self) {
        let mut inner = self.inner();
        let all = inner.configured.as_ref().map_or(0, |list| list.len()) + inner.added.len();
        inner.at = (inner.at + 1).min(all);
    }

    /// Whether Python code has added handlers, which may hold Python objects.
    pub fn has_added(&self) -> bool {
        !self.inner().added.is_empty()
    }

    /// Appends a handler.
    pub fn push(&self, added: Arc<Added>) {
        self.inner().added.push(added);
    }
}
