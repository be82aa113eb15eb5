//! A request's body that is read before its reader asks for it. Up to 64 KiB are kept in memory, more in a temporary
//! file without a name. A filter gives it to the reader.

use std::cell::{Cell, RefCell};
use std::ffi::CStr;
use std::fs::{File, OpenOptions, remove_file};
use std::io;
use std::io::Write;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

use super::entry_point::{InputEntry, register_input};
use super::{Direction, Filter, Mode, handle};
use crate::httpd::apr::brigade::Brigade;
use crate::httpd::apr::brigade_data::extend;
use crate::httpd::apr::bucket::BucketKind;
use crate::httpd::apr::file_part;
use crate::httpd::apr::file_part::SharedFile;
use crate::httpd::ffi;
use crate::httpd::request::Request;
use crate::httpd::status::Error;

/// How much is kept in memory, and read at a time.
const PORTION: usize = 64 * 1024;
/// The longest line that is given out whole (httpd's `HUGE_STRING_LEN`).
const LINE: u64 = 8192;
/// A filter that answers a read that waits with nothing, so often, will never give anything.
const MOST_EMPTY_READS: u32 = 1000;

/// The filter that stands above all others, and gives out the filtered body.
const FILTERED: &CStr = c"mod_python.filtered-body";
/// The filter that stands next to httpd's parser of bodies, and gives out the body as the client has sent it.
const ORIGINAL: &CStr = c"mod_python.original-body";

/// Which of a request's input filters are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::httpd) enum InputFilters {
    /// All of them.
    Whole,
    /// Those of the protocol, which stay when the request is redirected.
    Protocol,
}

/// Why a body cannot be kept.
pub(in crate::httpd) enum SpoolFailure {
    /// It is longer than the limit.
    TooLong,
    /// The temporary file cannot be made or written.
    Disk(io::Error),
    /// It cannot be read.
    Unread(Error),
}

impl From<Error> for SpoolFailure {
    fn from(error: Error) -> Self {
        Self::Unread(error)
    }
}

enum SpooledBody {
    Memory(Bytes),
    File(Arc<SharedFile>),
}

/// A body, or its beginning.
pub(in crate::httpd) struct Spool {
    body: RefCell<SpooledBody>,
    length: Cell<u64>,
    /// The number of bytes that were given out.
    at: Cell<u64>,
    /// The rest of the body is still to be read, from the filter below.
    open: Cell<bool>,
}

/// Registers both filters.
pub(in crate::httpd) fn register() {
    register_input::<Spool>(FILTERED, ffi::AP_FTYPE_RESOURCE - 5);
    register_input::<Spool>(ORIGINAL, ffi::AP_FTYPE_PROTOCOL - 1);
}

impl Request {
    /// Reads the body through a chain to its end, or until `is_enough` after a piece of it.
    pub(in crate::httpd) fn spool(
        &self,
        chain: InputFilters,
        limit: u64,
        is_enough: impl Fn() -> bool,
    ) -> Result<Spool, SpoolFailure> {
        let arriving = self.new_brigade();
        let mut kept = Writer::new(limit);
        let mut empty_reads = 0;
        let mut open = true;
        while open && !(kept.length > 0 && is_enough()) {
            self.read_from(chain, &arriving)?;
            empty_reads = if arriving.is_empty() {
                empty_reads + 1
            } else {
                0
            };
            if empty_reads > MOST_EMPTY_READS {
                return Err(SpoolFailure::Unread(Error::GENERAL));
            }
            while let Some(kind) = arriving.front() {
                match kind {
                    BucketKind::Data => kept.write(arriving.read_front(true)?)?,
                    BucketKind::End => open = false,
                    BucketKind::Error => return Err(SpoolFailure::Unread(Error::GENERAL)),
                    _ => {}
                }
                drop(arriving.remove_front());
            }
        }
        Ok(kept.finish(self, open))
    }

    fn read_from(&self, chain: InputFilters, brigade: &Brigade) -> Result<(), Error> {
        let filters = match chain {
            InputFilters::Whole => self.raw().input_filters,
            InputFilters::Protocol => self.raw().proto_input_filters,
        };
        let (mode, block) = (ffi::AP_MODE_READBYTES, ffi::APR_BLOCK_READ);
        // SAFETY: the live chain of this request.
        Error::check(unsafe {
            ffi::ap_get_brigade(
                filters,
                brigade.as_ptr(),
                mode,
                block,
                PORTION as ffi::apr_off_t,
            )
        })
    }

    /// Puts the filter into the request's chain that gives out this body.
    pub(in crate::httpd) fn serve_spool(&self, chain: InputFilters, spool: Spool) {
        let name = match chain {
            InputFilters::Whole => FILTERED,
            InputFilters::Protocol => ORIGINAL,
        };
        let Some(filter) = self.add_filter(Direction::Input, name.to_bytes()) else {
            return;
        };
        filter.keep(spool);
        if chain == InputFilters::Protocol {
            // A redirect keeps these filters, and drops those before them.
            // SAFETY: live; the filter stands in this request's chain, just before the others.
            unsafe { (*self.as_ptr()).proto_input_filters = filter.as_ptr() };
        }
    }

    /// The body as the client has sent it, if it was kept for this request.
    pub(in crate::httpd) fn original_body(&self) -> Option<&Spool> {
        let record = handle(Direction::Input, ORIGINAL);
        // SAFETY: null, or a filter that lives as long as the request.
        let first = unsafe { self.raw().proto_input_filters.as_ref() }?;
        if !std::ptr::eq(first.frec, record) {
            return None;
        }
        // SAFETY: as above.
        unsafe { Filter::from_raw(self.raw().proto_input_filters) }.kept()
    }

    /// How many input filters stand before those of the protocol.
    pub(in crate::httpd) fn body_filters(&self) -> usize {
        let (mut at, end) = (self.raw().input_filters, self.raw().proto_input_filters);
        let mut count = 0;
        // SAFETY: null at the chain's end, or a filter that lives as long as the request.
        while let Some(filter) = unsafe { at.as_ref() }.filter(|_| at != end) {
            count += 1;
            at = filter.next;
        }
        count
    }
}

/// A body as it is written.
struct Writer {
    memory: Vec<u8>,
    file: Option<File>,
    length: u64,
    limit: u64,
}

impl Writer {
    fn new(limit: u64) -> Self {
        Self {
            memory: Vec::new(),
            file: None,
            length: 0,
            limit,
        }
    }

    fn write(&mut self, data: &[u8]) -> Result<(), SpoolFailure> {
        self.length += data.len() as u64;
        if self.length > self.limit {
            return Err(SpoolFailure::TooLong);
        }
        if self.file.is_none() && self.memory.len() + data.len() > PORTION {
            let mut file = temporary_file().map_err(SpoolFailure::Disk)?;
            file.write_all(&self.memory).map_err(SpoolFailure::Disk)?;
            self.memory = Vec::new();
            self.file = Some(file);
        }
        match &mut self.file {
            Some(file) => file.write_all(data).map_err(SpoolFailure::Disk),
            None => Ok(extend(&mut self.memory, data)?),
        }
    }

    fn finish(self, r: &Request, open: bool) -> Spool {
        let body = match self.file {
            Some(file) => {
                let name = b"the temporary file of a request's body";
                SpooledBody::File(Arc::new(SharedFile::new(
                    file,
                    name,
                    r.connection().give_up(),
                )))
            }
            None => SpooledBody::Memory(self.memory.into()),
        };
        Spool {
            body: RefCell::new(body),
            length: Cell::new(self.length),
            at: Cell::new(0),
            open: Cell::new(open),
        }
    }
}

/// Makes a file without a name in the folder for temporary files (`TMPDIR`, or /tmp): the kernel removes it when it is
/// closed, however the child ends.
fn temporary_file() -> io::Result<File> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let folder = std::env::temp_dir();
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600);
    match options.clone().custom_flags(libc::O_TMPFILE).open(&folder) {
        // Not every file system has it.
        Err(error) if matches!(error.raw_os_error(), Some(libc::EOPNOTSUPP | libc::EISDIR)) => {}
        result => return result,
    }
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let path = folder.join(format!("mod_python.{}.{number}", process::id()));
    let file = options.create_new(true).open(&path)?;
    remove_file(&path)?;
    Ok(file)
}

impl Spool {
    /// The number of bytes that are kept; `None` if more follow them.
    pub(in crate::httpd) fn length(&self) -> Option<u64> {
        (!self.open.get()).then(|| self.length.get())
    }

    /// Begins again, for the reader of the request that this one was redirected to.
    pub(in crate::httpd) fn rewind(&self) {
        self.at.set(0);
    }

    fn rest(&self) -> u64 {
        self.length.get() - self.at.get()
    }

    /// Answers a reader with what is kept.
    fn give_kept(&self, target: &Brigade, mode: Mode) -> Result<(), Error> {
        let ends = match mode {
            Mode::Bytes(limit) => {
                let length = self.rest().min(limit as u64);
                self.append(target, length);
                self.at.set(self.at.get() + length);
                self.rest() == 0
            }
            Mode::Peek(limit) => {
                let length = self.rest().min(limit as u64);
                self.append(target, length);
                length == self.rest() && length < limit as u64
            }
            Mode::Line => {
                let (length, is_whole) = self.line()?;
                self.append(target, length);
                self.at.set(self.at.get() + length);
                self.rest() == 0 && !is_whole
            }
        };
        if ends && !self.open.get() {
            target.append_end();
        }
        Ok(())
    }

    fn append(&self, target: &Brigade, length: u64) {
        let (at, length) = (self.at.get(), length as usize);
        match &*self.body.borrow() {
            _ if length == 0 => {}
            SpooledBody::Memory(bytes) => {
                let at = at as usize;
                target.append_bytes(bytes.slice(at..at + length));
            }
            SpooledBody::File(file) => {
                target.append_raw(file_part::part(file, at, length, target.list()));
            }
        }
    }

    /// The length of the next line with its LF, at most `LINE`, and whether the LF is there.
    fn line(&self) -> Result<(u64, bool), Error> {
        let mut piece = vec![0; self.rest().min(LINE) as usize];
        let at = self.at.get();
        match &*self.body.borrow() {
            SpooledBody::Memory(bytes) => {
                let (at, length) = (at as usize, piece.len());
                piece.copy_from_slice(&bytes[at..at + length]);
            }
            SpooledBody::File(file) => {
                let failed = |_| Error::GENERAL;
                file.file.read_exact_at(&mut piece, at).map_err(failed)?;
            }
        }
        Ok(match memchr::memchr(b'\n', &piece) {
            Some(last) => (last as u64 + 1, true),
            None => (piece.len() as u64, false),
        })
    }

    /// Keeps the next piece from the filter below in place of what was given out.
    fn refill(&self, filter: &Filter, block: bool) -> Result<(), Error> {
        let Some(r) = filter.request() else {
            return Err(Error::GENERAL);
        };
        let arriving = r.new_brigade();
        filter.fetch(&arriving, Mode::Bytes(PORTION), block)?;
        let mut bytes = Vec::new();
        while let Some(kind) = arriving.front() {
            match kind {
                BucketKind::Data => extend(&mut bytes, arriving.read_front(true)?)?,
                BucketKind::End => self.open.set(false),
                _ => {}
            }
            drop(arriving.remove_front());
        }
        self.length.set(bytes.len() as u64);
        self.at.set(0);
        self.body.replace(SpooledBody::Memory(bytes.into()));
        Ok(())
    }
}

impl InputEntry for Spool {
    const WHAT: &'static str = "the filter of a kept body";

    fn give(filter: &Filter, target: &Brigade, mode: Mode, block: bool) -> Result<(), Error> {
        let Some(spool) = filter.kept::<Self>() else {
            // The configuration has put it there by its name: it has no body.
            filter.unlink(Direction::Input);
            return filter.fetch(target, mode, block);
        };
        if spool.rest() == 0 && spool.open.get() {
            if let Mode::Bytes(_) = mode {
                filter.unlink(Direction::Input);
                return filter.fetch(target, mode, block);
            }
            // httpd's parser of bodies knows no lines and no peeking.
            spool.refill(filter, block)?;
        }
        spool.give_kept(target, mode)
    }
}
