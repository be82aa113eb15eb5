//! The attributes of `filter`.

use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;

use super::input_or_output::InputOrOutput;
use super::object::{Me, with_io};
use crate::engine::handlers::Home;
use crate::httpd::filter::Mode;
use crate::python::connection::object::ConnectionObject;
use crate::python::object::arguments::none;
use crate::python::object::class;
use crate::python::object::class::Answer;
use crate::python::request::state::RequestState;
use crate::python::text::{decode, decode_option};

/// `filter.req`
pub(in crate::python) fn req<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    let me = this.body();
    let Some(r) = me.filter.get()?.request() else {
        return none(this);
    };
    let state = RequestState::of(r);
    // Only for this entry: Python code may keep `filter.req`, and use it in another filter's call.
    state.lease.open_for_entry();
    state.object(this.py(), this.interpreter(), r)
}

/// `filter.connection`
pub(in crate::python) fn connection<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    let me = this.body();
    let object = ConnectionObject::without_bytes(me.filter.lease(), me.filter.get()?.connection());
    class::make(this.py(), this.interpreter(), object)
}

/// `filter.name`
pub(in crate::python) fn name<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    let declared = &this.body().instance.get()?.declared;
    decode(this.py(), declared.name.as_bytes())
}

/// `filter.handler`
pub(in crate::python) fn handler<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    let declared = &this.body().instance.get()?.declared;
    decode(this.py(), declared.handler.text().as_bytes())
}

/// `filter.dir`
pub(in crate::python) fn dir<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    let home = match &this.body().instance.get()?.declared.handler.home {
        Home::Directory(path) => Some(path.as_bytes()),
        _ => None,
    };
    decode_option(this.py(), home)
}

/// `filter.is_input`
pub(in crate::python) fn is_input<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    of_flow(this, |io| u8::from(matches!(io, InputOrOutput::Input(_))))
}

/// `filter.closed`
pub(in crate::python) fn closed<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    of_flow(this, |io| u8::from(io.stream().is_closed()))
}

/// `filter.mode`
pub(in crate::python) fn mode<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    of_flow(this, |io| match io {
        InputOrOutput::Output(_) => None,
        InputOrOutput::Input(input) => Some(match input.mode() {
            Mode::Bytes(_) => "bytes",
            Mode::Line => "line",
            Mode::Peek(_) => "peek",
        }),
    })
}

/// `filter.block`
pub(in crate::python) fn block<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    of_flow(this, |io| match io {
        InputOrOutput::Output(_) => None,
        InputOrOutput::Input(input) => Some(input.blocks()),
    })
}

/// `filter.readbytes`
pub(in crate::python) fn readbytes<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    of_flow(this, |io| match io {
        InputOrOutput::Output(_) => None,
        InputOrOutput::Input(input) => match input.mode() {
            Mode::Bytes(bytes) | Mode::Peek(bytes) => Some(bytes),
            Mode::Line => None,
        },
    })
}

/// What the current call of the filter says; `RuntimeError` outside of one.
fn of_flow<'py, T: IntoPyObject<'py>>(
    this: &Me<'_, 'py>,
    value: impl FnOnce(&mut InputOrOutput) -> T,
) -> Answer<'py> {
    with_io(this, |_, io| Ok(value(io)))?.into_bound_py_any(this.py())
}
