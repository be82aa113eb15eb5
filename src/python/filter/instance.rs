//! One filter of ours in the chain of one request: its code, and what is kept between its calls.

use std::cell::{Cell, RefCell, RefMut};
use std::sync::Arc;

use pyo3::prelude::*;

use super::admission::Admission;
use super::generator::Generator;
use super::input_or_output::InputOrOutput;
use crate::engine::call_counters::CallCounters;
use crate::engine::filters::DeclaredFilter;
use crate::engine::settings::Settings;
use crate::filter_chain::Change;
use crate::filter_chain::Direction;
use crate::httpd::Filter;
use crate::httpd::filter::inflater::Inflater;
use crate::httpd::filter::input::Input;
use crate::httpd::filter::output::Output;
use crate::metrics;
use crate::python::request::state::RequestState;
use crate::python::runtime::interpreter::Interpreter;
use crate::python::runtime::lease::Lease;
use crate::python::runtime::named::NoPython;
use crate::python::runtime::time_limit;
use crate::python::runtime::time_limit::TimedStep;

/// One filter of ours in the chain of one request; httpd drops it with the request's pool.
pub struct Instance {
    pub(in crate::python) interpreter: &'static Interpreter,
    pub(in crate::python) declared: Arc<DeclaredFilter>,
    /// Where its calls are counted.
    pub(super) row: Option<&'static CallCounters>,
    pub(in crate::python) lease: Arc<Lease>,
    pub(in crate::python) io: RefCell<InputOrOutput>,
    /// The filter as Python sees it, for as long as there is something to filter.
    pub(in crate::python) object: RefCell<Option<Py<PyAny>>>,
    /// The filter's code at work, if it is an `async def` generator.
    pub(in crate::python) generator: RefCell<Option<Generator>>,
    /// What is called: what was given at run time, or the function that `declared` names, once it was found.
    pub(super) function: RefCell<Option<Py<PyAny>>>,
    /// What decodes the response for it, if that is coded.
    pub(super) inflater: Option<Inflater>,
    unchecked: Cell<bool>,
}

impl Instance {
    pub(in crate::python) fn new(
        filter: &Filter,
        declared: Arc<DeclaredFilter>,
        direction: Direction,
        settings: &Settings,
    ) -> Result<Self, NoPython> {
        if let Some(r) = filter.request() {
            r.watch_framing();
        }
        let io = match direction {
            Direction::Output => InputOrOutput::Output(Output::new(filter, change(&declared))),
            Direction::Input => InputOrOutput::Input(Input::new(filter, change(&declared))),
        };
        let home = &declared.handler.home;
        let interpreter = match filter.request() {
            Some(r) => RequestState::of(r).interpreter(r, settings, home, true)?,
            None => Interpreter::for_connection(settings, filter.connection(), home)?,
        };
        Ok(Self {
            interpreter,
            row: metrics::filter(direction, &declared),
            declared,
            lease: Lease::new("filter"),
            io: RefCell::new(io),
            object: RefCell::default(),
            generator: RefCell::default(),
            function: RefCell::default(),
            inflater: None,
            unchecked: Cell::new(false),
        })
    }

    /// The filter of a response that it was admitted to.
    pub(super) fn admitted(mut self, admission: Admission) -> Self {
        if let Admission::Decoded(inflater) = admission {
            self.output().stay();
            self.inflater = Some(inflater);
        }
        self
    }

    /// A filter that was registered at run time, with its function if that was given as such.
    pub(in crate::python) fn at_run_time(self, function: Option<Py<PyAny>>) -> Self {
        self.unchecked.set(true);
        self.function.replace(function);
        self
    }

    /// Whether this is the first call of a filter that was registered at run time: its driver looks then whether the
    /// filter has anything to do. Returns true at most once.
    pub(in crate::python) fn take_unchecked(&self) -> bool {
        self.unchecked.replace(false)
    }

    /// The clock of one step, if the filter has a limit for it.
    pub(in crate::python) fn step(&self) -> Option<TimedStep> {
        self.declared
            .time
            .map(|limit| time_limit::begin(self.interpreter, limit))
    }

    /// The output side, for the driver, which alone borrows it between two calls of Python.
    pub(in crate::python) fn output(&self) -> RefMut<'_, Output> {
        RefMut::map(self.io.borrow_mut(), |io| match io {
            InputOrOutput::Output(output) => output,
            InputOrOutput::Input(_) => unreachable!("an instance keeps its direction"),
        })
    }

    pub(in crate::python) fn input(&self) -> RefMut<'_, Input> {
        RefMut::map(self.io.borrow_mut(), |io| match io {
            InputOrOutput::Input(input) => input,
            InputOrOutput::Output(_) => unreachable!("an instance keeps its direction"),
        })
    }

    pub(in crate::python) fn is_out(&self) -> bool {
        self.io.borrow().is_out()
    }

    /// Whether a generator stopped because it yielded enough, not because it waits for more.
    pub(in crate::python) fn can_go_on(&self) -> bool {
        self.generator
            .borrow()
            .as_ref()
            .is_some_and(|generator| !generator.is_waiting())
    }
}

/// What a filter does to bodies, where it can still say so in headers.
pub(in crate::python) fn change(declared: &DeclaredFilter) -> Change {
    if declared.kind.follows_headers() {
        Change::Nothing
    } else {
        declared.change
    }
}
