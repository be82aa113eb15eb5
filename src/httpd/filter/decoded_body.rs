//! A gzip body of a request, decoded for filters of ours and for the readers behind them. mod_deflate's input filter
//! `DEFLATE` does it. It stands in no chain: the filter here, below all of ours, calls it for a small piece at a time, so
//! that a byte that expands to a thousand needs little memory.
//!
//! Readers look at the headers before they read, so `Content-Encoding` goes as soon as the filter is in the chain.

use std::cell::Cell;
use std::ffi::{CStr, CString};

use super::entry_point::{InputEntry, register_input};
use super::native::NativeFilter;
use super::stream::held_by;
use super::{Filter, Mode};
use crate::filter_chain::Direction;
use crate::httpd::apr::brigade::Brigade;
use crate::httpd::apr::bucket::BucketKind;
use crate::httpd::apr::owned_brigade::OwnedBrigade;
use crate::httpd::connection::KeepAlive;
use crate::httpd::ffi;
use crate::httpd::log::Level;
use crate::httpd::request::Request;
use crate::httpd::status::{Error, Status};

const DEFLATE: &CStr = c"DEFLATE";
/// The filter that has the body decoded.
const NAME: &CStr = c"mod_python.decoded-body";
/// The filter that `DEFLATE` calls first, so that it looks at the headers, and nothing is read yet.
const NOTHING: &CStr = c"mod_python.no-body-yet";
/// How many coded bytes `DEFLATE` gets at a time: no more than 8 MiB come out.
const PIECE: usize = 8192;
/// A filter that answers a read that waits with nothing, so often, will never give anything.
const MOST_EMPTY_READS: u32 = 1000;

/// The decoding of one body.
struct BodyDecoder {
    deflate: NativeFilter,
    arriving: OwnedBrigade,
    total: Cell<u64>,
    /// The most bytes that may come out.
    limit: u64,
    /// The filter for which it is done.
    name: String,
    /// Something was read.
    begun: Cell<bool>,
    /// The error of every further read.
    failed: Cell<Option<Error>>,
}

/// Registers both filters.
pub(in crate::httpd) fn register() {
    let kind = ffi::AP_FTYPE_CONTENT_SET;
    register_input::<BodyDecoder>(NAME, kind);
    register_input::<NothingYet>(NOTHING, kind);
}

impl Request {
    /// Has the gzip body of the request decoded before its filters and readers get it. It is not coded any more, and has
    /// no digests. More than `limit` bytes are refused with 413. `name`: the filter that wants it, for the log. `false`:
    /// mod_deflate is not there, or refuses.
    pub fn decode_body(&self, limit: u64, name: &str) -> bool {
        let headers = self.headers_in();
        let coding = self
            .body_coding()
            .and_then(|coding| CString::new(coding).ok());
        let (Some(coding), false) = (coding, self.is_subrequest()) else {
            return false;
        };
        if headers.get(c"Content-Range").is_some() {
            return false;
        }
        let Some(deflate) = NativeFilter::new(Direction::Input, DEFLATE, self) else {
            return false;
        };
        let Some(nothing) = NativeFilter::new(Direction::Input, NOTHING, self) else {
            return false;
        };
        headers.set(c"Content-Encoding", c"gzip");
        // SAFETY: it lives until it is replaced, before each read.
        unsafe { deflate.set_next(nothing.as_ptr()) };
        let begun = self.as_initial(|| deflate.fetch(&self.new_brigade(), PIECE, false));
        if begun.is_err() || !deflate.has_begun() {
            headers.set(c"Content-Encoding", &coding);
            return false;
        }
        for name in [
            c"Content-Encoding",
            c"Content-MD5",
            c"Digest",
            c"Content-Digest",
            c"Repr-Digest",
        ] {
            headers.unset(name);
        }
        let Some(filter) = self.add_filter(Direction::Input, NAME.to_bytes()) else {
            return false;
        };
        self.note_hidden_coding(&coding);
        filter.keep(BodyDecoder {
            deflate,
            arriving: held_by(filter),
            total: Cell::new(0),
            limit,
            name: name.to_owned(),
            begun: Cell::new(false),
            failed: Cell::new(None),
        });
        true
    }
}

impl BodyDecoder {
    /// Reads the next decoded bytes.
    fn read(
        &self,
        filter: &Filter,
        target: &Brigade,
        limit: usize,
        block: bool,
    ) -> Result<(), Error> {
        if let Some(error) = self.failed.get() {
            return Err(error);
        }
        if let (false, Some(r)) = (self.begun.replace(true), filter.request()) {
            r.note_decoded_body();
        }
        // SAFETY: the filter below, which lives as long as the request.
        unsafe { self.deflate.set_next(filter.raw().next) };
        // It answers some reads that wait with nothing.
        for _ in 0..MOST_EMPTY_READS {
            let result = self.deflate.fetch(&self.arriving, limit.min(PIECE), block);
            if let Err(error) = result {
                self.arriving.clear();
                return Err(self.failure(filter, error));
            }
            if !block || !self.arriving.is_empty() {
                break;
            }
        }
        self.total
            .set(self.total.get() + self.arriving.known_length() as u64);
        if self.total.get() > self.limit {
            self.arriving.clear();
            let reason = format!(
                "it has more than {} bytes, and decoded= sets another limit",
                self.limit
            );
            return Err(self.refuse(filter, &reason));
        }
        if self.arriving.kinds().any(|kind| kind == BucketKind::End) {
            filter.unlink(Direction::Input);
        }
        target.append_all(&self.arriving);
        Ok(())
    }

    fn failure(&self, filter: &Filter, error: Error) -> Error {
        if error.is_again() {
            return error;
        }
        if error.errno() == Some(libc::EINVAL) {
            let reason = "it expands by more than DeflateInflateRatioLimit of mod_deflate allows";
            return self.refuse(filter, reason);
        }
        // mod_deflate and httpd log what else they find.
        self.failed.set(Some(error));
        filter.connection().set_keep_alive(KeepAlive::Close);
        error
    }

    /// Answers the request with 413.
    fn refuse(&self, filter: &Filter, reason: &str) -> Error {
        if let Some(r) = filter.request() {
            let text = format!(
                "the body of the request is decoded for filter {} (encoding=decode), and refused: {reason}",
                self.name
            );
            r.log(Level::Warning, &text);
            r.refuse_body(Status::REQUEST_ENTITY_TOO_LARGE);
        }
        self.failed.set(Some(Error::NO_SPACE));
        filter.connection().set_keep_alive(KeepAlive::Close);
        Error::NO_SPACE
    }
}

impl InputEntry for BodyDecoder {
    const WHAT: &'static str = "the filter of a decoded body";

    fn answers(filter: &Filter, mode: Mode) -> bool {
        // httpd's parser of bodies knows no other modes. Without a value, the configuration has put it there by name.
        matches!(mode, Mode::Bytes(1..)) && filter.kept::<Self>().is_some()
    }

    fn give(filter: &Filter, target: &Brigade, mode: Mode, block: bool) -> Result<(), Error> {
        match (filter.kept::<Self>(), mode) {
            (Some(decoder), Mode::Bytes(limit)) => decoder.read(filter, target, limit, block),
            _ => Err(Error::GENERAL),
        }
    }
}

/// The filter that answers that nothing has come yet.
struct NothingYet;

impl InputEntry for NothingYet {
    const WHAT: &'static str = "the filter of no body";

    fn give(_: &Filter, _: &Brigade, _: Mode, _: bool) -> Result<(), Error> {
        Ok(())
    }
}
