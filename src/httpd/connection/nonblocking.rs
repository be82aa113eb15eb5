//! I/O that does not wait, through all filters of a connection.

use super::Connection;
use crate::httpd::apr::brigade::Brigade;
use crate::httpd::apr::bucket;
use crate::httpd::apr::bucket::BucketKind;
use crate::httpd::ffi;
use crate::httpd::status::Error;

/// How many bytes [`Connection::send_small`] takes at most.
pub const SMALL: usize = 2048;
/// mod_logio's filter, which only counts bytes. Debian builds it into httpd: every connection has it
/// there.
const COUNTS: &[u8] = b"log_input_output";

/// The result of a read that does not wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// Data, appended to the brigade.
    Data,
    /// Nothing yet.
    Nothing,
    /// The peer has ended its side.
    End,
}

impl Connection {
    /// Reads at most `limit` bytes of what has arrived into an empty brigade.
    ///
    /// # Errors
    /// The connection is broken.
    pub fn read_now(&self, brigade: &Brigade, limit: usize) -> Result<Found, Error> {
        let mut dry = 0;
        loop {
            let mode = ffi::AP_MODE_READBYTES;
            match self.get(brigade, mode, ffi::APR_NONBLOCK_READ, limit) {
                Ok(()) => {}
                Err(error) if error.is_again() => {}
                Err(error) if error.is_end() => return Ok(Found::End),
                Err(error) => return Err(error),
            }
            let had = !brigade.is_empty();
            while let Some(kind) = brigade.front() {
                match kind {
                    BucketKind::Data if !brigade.read_front(false)?.is_empty() => {
                        return Ok(Found::Data);
                    }
                    BucketKind::End => {
                        brigade.clear();
                        return Ok(Found::End);
                    }
                    // An empty piece stands for the end that comes next.
                    _ => drop(brigade.remove_front()),
                }
            }
            // Twice: what filters have ahead (mod_ssl) is where no poll can see it.
            dry += usize::from(!had);
            if dry == 2 {
                return Ok(Found::Nothing);
            }
        }
    }

    /// Whether the peer has ended its side, and no unread byte comes before that. Takes nothing, and waits for nothing.
    pub fn is_at_end(&self) -> bool {
        let seen = self.new_brigade();
        // An empty piece stands for the end that comes next.
        for _ in 0..3 {
            let mode = ffi::AP_MODE_SPECULATIVE;
            match self.get(&seen, mode, ffi::APR_NONBLOCK_READ, 1) {
                Ok(()) => {}
                Err(error) if error.is_again() => return false,
                Err(_) => return true,
            }
            while let Some(kind) = seen.front() {
                match kind {
                    BucketKind::Data if !seen.read_front(false).is_ok_and(<[u8]>::is_empty) => {
                        return false;
                    }
                    BucketKind::End => return true,
                    _ => drop(seen.remove_front()),
                }
            }
        }
        false
    }

    /// Whether no filter between us and the socket holds input back: then a read that got fewer bytes than it
    /// asked for has emptied the socket, and epoll reports what arrives later.
    pub fn is_bare(&self) -> bool {
        let mut at = self.raw().input_filters;
        // SAFETY: null, or a filter of the live chain.
        while let Some(filter) = unsafe { at.as_ref() } {
            if filter.next.is_null() {
                return true;
            }
            // SAFETY: a filter's record lives as long as the configuration.
            let name = unsafe { (*filter.frec).name };
            // SAFETY: NUL-terminated.
            if unsafe { crate::httpd::cstr::c_bytes(name) } != Some(COUNTS) {
                return false;
            }
            at = filter.next;
        }
        false
    }

    /// Hands a brigade to the filters and has them send what the socket takes. The brigade has at most
    /// [`Connection::slice`] bytes, and [`Connection::has_unsent`] is false: with more, httpd waits for the peer.
    ///
    /// # Errors
    /// The peer is gone.
    pub fn send_now(&self, brigade: &Brigade) -> Result<(), Error> {
        // No FLUSH, which waits; but mod_ssl lets go of small pieces only for metadata.
        brigade.append_raw(bucket::push(self.bucket_list()));
        self.write(brigade)?;
        self.nudge()
    }

    /// Sends a brigade of at most [`SMALL`] bytes with a FLUSH, if the send buffer has room for more than that: without
    /// the room a FLUSH would wait, and without the FLUSH httpd would keep memory for the connection. `writable`: the
    /// buffer is known to have room. Returns `false` if nothing was sent; the brigade is as it was then.
    ///
    /// # Errors
    /// The peer is gone.
    pub fn send_small(&self, brigade: &Brigade, writable: bool) -> Result<bool, Error> {
        // Linux calls a socket writable while a third of its buffer is free: never less than 5 KB.
        if self.has_unsent() || !(writable || self.is_writable()) {
            return Ok(false);
        }
        brigade.append_flush();
        self.write(brigade).map(|()| true)
    }

    /// Has httpd send the output that its filters hold, as far as the socket takes it, as the MPM does when a
    /// connection becomes writable.
    ///
    /// # Errors
    /// The peer is gone.
    pub fn nudge(&self) -> Result<(), Error> {
        let mut last = self.raw().output_filters;
        // SAFETY: the connection's chain ends with the core's filter.
        while let Some(next) = unsafe { last.as_ref() }.map(|filter| filter.next) {
            if next.is_null() {
                break;
            }
            last = next;
        }
        // SAFETY: the last filter of the live chain.
        let Some(filter) = (unsafe { last.as_ref() }) else {
            return Ok(());
        };
        // SAFETY: a registered filter lives as long as httpd.
        let functions = unsafe { (*filter.frec).filter_func };
        // SAFETY: it stands in a chain for output.
        let function = unsafe { functions.out_func };
        let Some(function) = function else {
            return Ok(());
        };
        // SAFETY: an output filter; only the core's may be, and is, called without a brigade.
        Error::check(unsafe { function(last, std::ptr::null_mut()) })
    }

    /// Whether httpd holds output that the socket did not take yet.
    pub fn has_unsent(&self) -> bool {
        self.raw().data_in_output_filters != 0
    }

    /// How many bytes may be handed over at once: beyond `FlushMaxThreshold` httpd waits for the peer.
    /// (TLS makes a little more of it.)
    pub fn slice(&self) -> usize {
        // SAFETY: a live server of httpd's.
        let most = unsafe { ffi::mp_flush_max_threshold(self.base_server().as_ptr()) };
        (most / 4 * 3).clamp(1, 48 * 1024)
    }
}
