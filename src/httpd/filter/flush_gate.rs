//! Output that does not wait for the client. httpd's filter that writes to the socket sends what that takes, and waits for
//! the client at a FLUSH. The last of our filters on a connection (`mod_python.flush`) stands just before it, behind TLS.
//! While it is closed, it lets only those FLUSHes pass that wait for nothing; what they were to send is sent by
//! `Connection::nudge`.

use std::cell::Cell;

use super::Filter;
use super::entry_point::OutputEntry;
use super::known_record::KnownRecord;
use crate::httpd::apr::brigade::Brigade;
use crate::httpd::apr::bucket::BucketKind;
use crate::httpd::connection::Connection;
use crate::httpd::ffi;
use crate::httpd::status::Error;

static RECORD: KnownRecord = KnownRecord::new(c"mod_python.flush");
/// A brigade of at most so many bytes goes out at once where the send buffer has room: it has for 5 KB then. httpd would
/// keep memory for the connection if it were left behind.
const SMALL: usize = 4096;

/// The filter's own value.
#[derive(Default)]
pub struct FlushGate {
    is_closed: Cell<bool>,
}

/// A closed gate; it opens when this is dropped.
pub struct ClosedGate<'a>(&'a FlushGate);

/// Registers the filter.
pub(in crate::httpd) fn register() {
    RECORD.register::<FlushGate>(ffi::AP_FTYPE_NETWORK - 1);
}

impl FlushGate {
    /// From now on nothing that is written to the connection waits for the client, as long as httpd holds less of it than
    /// `FlushMaxThreshold`. Called by the thread that works on the connection.
    pub fn close(&self) -> ClosedGate<'_> {
        self.is_closed.set(true);
        ClosedGate(self)
    }
}

impl Drop for ClosedGate<'_> {
    fn drop(&mut self) {
        self.0.is_closed.set(false);
    }
}

impl Connection {
    /// Adds the gate to a connection that begins.
    pub fn add_flush_gate(&self) {
        if let Some(filter) = RECORD.add_to_connection(self) {
            filter.keep(FlushGate::default());
        }
    }

    /// The gate of this connection. A stream of HTTP/2 has none, and `mod_python.testing` has no connections.
    pub fn flush_gate(&self) -> Option<&FlushGate> {
        RECORD.in_chain_of(self)?.kept()
    }
}

impl OutputEntry for FlushGate {
    const WHAT: &'static str = "the filter that holds FLUSHes back";

    fn take(filter: &Filter, brigade: &Brigade) -> Result<(), Error> {
        let is_closed = |gate: &Self| gate.is_closed.get();
        let flushes = |brigade: &Brigade| brigade.kinds().any(|kind| kind == BucketKind::Flush);
        if filter.kept().is_some_and(is_closed)
            && flushes(brigade)
            && !goes_out(filter.connection(), brigade)
        {
            brigade.drop_from(brigade.first(), |kind| kind == BucketKind::Flush);
            if brigade.is_empty() {
                return Ok(());
            }
        }
        filter.pass(brigade)
    }
}

/// Whether the socket takes all of a brigade at once.
fn goes_out(c: &Connection, brigade: &Brigade) -> bool {
    let is_small = !brigade.has_unknown_length() && brigade.known_length() <= SMALL;
    is_small && !c.has_unsent() && c.is_writable()
}
