//! What we keep for a request from phase to phase.

use std::cell::{Cell, OnceCell, RefCell};
use std::io;
use std::sync::Arc;

use pyo3::prelude::*;

use super::cleanups::Cleanups;
use super::connection::crowd::{self, Member};
use super::connection::seat::Seat;
use super::connection::wire::Wire;
use super::interpreters::interpreter::Interpreter;
use super::object::class;
use super::object::lease::Lease;
use super::request::body::Body;
use super::request::filters::Registered;
use super::request::handlers::Handlers;
use super::request::object::RequestObject;
use super::request::response::Response;
use crate::engine::capacity::Room;
use crate::engine::protocols::Protocol;
use crate::httpd::Request;
use crate::httpd::stand_in::StandIn;

/// Our value for a connection.
#[derive(Default)]
pub struct ConnectionState {
    /// Whether the handler declined it: from then on it is HTTP's. (Some MPMs ask for each request
    /// that it carries, or whenever something comes.)
    pub declined: Cell<bool>,
    /// What the MPM may watch in place of its socket.
    pub stand_in: RefCell<Option<StandIn>>,
    /// The seat of an `async def` handler's connection.
    pub seat: OnceCell<Arc<Seat>>,
    /// The protocol that its peer has asked for, and httpd agreed to.
    pub agreed: OnceCell<Arc<Protocol>>,
    /// The seat of the `async def` handler of that, when a request asked for it.
    pub upgraded: OnceCell<Arc<Seat>>,
    /// Kept while TLS's handshake has begun and not ended.
    pub shaking_hands: RefCell<Option<Box<Wire>>>,
    /// TLS's handshake is over, if there is one.
    pub has_shaken_hands: Cell<bool>,
    /// Its place among those with a handler.
    pub member: RefCell<Option<Member>>,
}

impl ConnectionState {
    /// A seat for an `async def` handler, and the stand-in with which it is parked, if it can be: not
    /// in the middle of a request, as when that has asked for another protocol.
    ///
    /// # Errors
    /// There are too few descriptors, or no thread for deadlines.
    pub fn take_seat(
        &self,
        in_request: bool,
        can_park: bool,
    ) -> io::Result<(&Arc<Seat>, Option<StandIn>)> {
        let mut stand_in = None;
        if can_park && !in_request {
            let place = self.stand_in.borrow();
            let has_room = |taken: &StandIn| crowd::room(taken.socket()) != Room::None;
            if !place.as_ref().is_some_and(has_room) {
                return Err(io::Error::from_raw_os_error(libc::EMFILE));
            }
            drop(place);
            stand_in = self.stand_in.take();
        }
        let seat = Seat::new(stand_in.is_some()).ok_or_else(|| io::Error::other("no thread"))?;
        let place = match in_request {
            true => &self.upgraded,
            false => &self.seat,
        };
        Ok((place.get_or_init(|| seat), stand_in))
    }

    /// The seats of its handlers.
    pub fn seats(&self) -> impl Iterator<Item = &Arc<Seat>> {
        [&self.seat, &self.upgraded]
            .into_iter()
            .filter_map(OnceCell::get)
    }
}

impl Drop for ConnectionState {
    fn drop(&mut self) {
        for seat in self.seats() {
            seat.leave();
        }
    }
}

/// Our value for a request; httpd drops it with the request's pool.
pub struct State {
    /// Under which Python may use the request.
    pub lease: Arc<Lease>,
    /// Its body, as far as Python has read it.
    pub body: Body,
    /// Its response, as far as Python has written it.
    pub response: Response,
    /// How far its handlers have come.
    pub handlers: Handlers,
    /// What is to be called at its end.
    pub cleanups: Cleanups,
    /// It stays without a file (`mod_python.location_shortcut`).
    pub has_no_file: Cell<bool>,
    /// The type that a type handler set before it declined.
    pub chosen_type: RefCell<Option<Vec<u8>>>,
    /// The filters that its handlers have registered for it.
    pub(super) registered: RefCell<Vec<Registered>>,
    /// How many filters Python code has added to it, and to what it led to.
    pub(super) filters_added: Cell<usize>,
    /// Whether httpd is done with it: only cleanups still run.
    pub has_ended: Cell<bool>,
    /// Whether Python code has set the type of the response.
    pub content_type_set: Cell<bool>,
    /// The request as Python sees it, per interpreter: kept while somebody could tell.
    objects: RefCell<Vec<(&'static Interpreter, Py<PyAny>)>>,
}

impl State {
    /// The state of a request.
    pub fn of(r: &Request) -> &Self {
        let make = || {
            r.watch_framing();
            Self::new(r)
        };
        r.state(make)
    }

    fn new(r: &Request) -> Self {
        Self {
            lease: Lease::new("request"),
            body: Body::new(r),
            response: Response::new(r),
            handlers: Handlers::default(),
            cleanups: Cleanups::default(),
            has_no_file: Cell::new(false),
            chosen_type: RefCell::default(),
            registered: RefCell::default(),
            filters_added: Cell::new(0),
            has_ended: Cell::new(false),
            content_type_set: Cell::new(false),
            objects: RefCell::default(),
        }
    }

    /// The request as Python sees it: one object for all of its phases and filters.
    pub fn object<'py>(
        &self,
        py: Python<'py>,
        interpreter: &'static Interpreter,
        r: &Request,
    ) -> PyResult<Bound<'py, PyAny>> {
        let known = |of: &(&'static Interpreter, _)| std::ptr::eq(of.0, interpreter);
        if let Some((_, object)) = self.objects.borrow().iter().find(|of| known(of)) {
            return Ok(object.bind(py).clone());
        }
        let object = class::make(py, interpreter, RequestObject::new(&self.lease, r))?;
        self.objects
            .borrow_mut()
            .push((interpreter, object.clone().unbind()));
        Ok(object)
    }

    /// Lets go of the objects of this interpreter that nobody would miss. Nothing is left to be
    /// dropped with the pool, as a rule: its end needs no GIL then.
    pub fn forget_unused(&self, py: Python<'_>, interpreter: &'static Interpreter) {
        let position = self.objects.borrow().iter().position(|(of, object)| {
            std::ptr::eq(*of, interpreter) && class::is_forgotten::<RequestObject>(object.bind(py))
        });
        if let Some(position) = position {
            let (_, object) = self.objects.borrow_mut().swap_remove(position);
            drop(object.into_bound(py));
        }
    }
}

impl Drop for State {
    fn drop(&mut self) {
        self.lease.end();
        for added in self.handlers.take_all() {
            if let Some(foreign) = &added.object {
                foreign
                    .interpreter
                    .enter(super::interpreters::context::About::Nothing, |_| {
                        drop(added.clone())
                    });
            }
        }
        for (interpreter, object) in self.objects.take() {
            interpreter.enter(super::interpreters::context::About::Nothing, |py| {
                drop(object.into_bound(py))
            });
        }
    }
}
