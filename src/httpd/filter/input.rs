//! Input filters: buckets that arrive from the client, and the body that a handler reads.

use super::content_length::Promise;
use super::stream::{CHUNK, Next, Stream, held_by};
use super::stream_buckets::NextBucket;
use super::{Filter, Mode};
use crate::filter_chain::{Change, Direction};
use crate::httpd::apr::brigade::Brigade;
use crate::httpd::apr::bucket::BucketKind;
use crate::httpd::apr::owned_brigade::OwnedBrigade;
use crate::httpd::connection::KeepAlive;
use crate::httpd::log::Level;
use crate::httpd::status::{Error, Status};

/// The longest line in bytes that is returned whole (httpd's `HUGE_STRING_LEN`).
const LINE: usize = 8192;

/// After so many empty answers to blocking reads, the filter below is taken for one that never returns data.
const MOST_EMPTY_READS: u32 = 1000;

/// One input filter in the chain of one request.
pub struct Input {
    /// The pieces, and how to read and write them.
    pub stream: Stream,
    /// The mode in which the current call reads.
    mode: Mode,
    /// Whether the current call may wait.
    block: bool,
    /// EOS was read from below: the body's last byte is off the connection.
    end_below: bool,
    /// Data or the end has come from below.
    arrived: bool,
    /// EOS went to the caller.
    delivered: bool,
    /// The error of every further read.
    failed: Option<Error>,
    /// The filter's code has read `Pause` for the brigade at hand; a further read fetches the next one.
    paused: bool,
    /// The filter's code has read that nothing has arrived yet, in a call that may not wait.
    starved: bool,
    /// The filter's code stepped out: once the written data is read, the filter passes everything by.
    out: bool,
    /// Whether the filter's code promises not to change the length (`change=`).
    keeps_length: bool,
    /// The `Content-Length` that readers see, and that no filter below has removed.
    promise: Option<Promise>,
    /// The brigade for reads from below: empty before each, since a filter may take buckets that it finds there for
    /// its own, and report that it has read something.
    arriving: OwnedBrigade,
}

impl Input {
    /// The state of a filter that is called for the first time.
    pub fn new(filter: &Filter, change: Change) -> Self {
        Self {
            keeps_length: change != Change::Length,
            promise: None,
            stream: Stream::new(filter),
            arriving: held_by(filter),
            mode: Mode::Bytes(0),
            block: true,
            end_below: false,
            arrived: false,
            delivered: false,
            failed: None,
            paused: false,
            starved: false,
            out: false,
        }
    }

    /// Begins a call.
    pub fn begin(&mut self, mode: Mode, block: bool) {
        (self.mode, self.block) = (mode, block);
    }

    /// The mode in which the current call reads.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Whether the current call may wait.
    pub fn blocks(&self) -> bool {
        self.block
    }

    /// The error of the body, if there was one.
    pub fn failed(&self) -> Option<Error> {
        self.failed
    }

    /// Whether the filter's code has stepped out.
    pub fn is_out(&self) -> bool {
        self.out
    }

    /// Whether `fetch` has brought something for the first time; true once.
    pub fn is_first_arrival(&mut self) -> bool {
        !std::mem::replace(&mut self.arrived, true)
    }

    /// Answers a call from what is written already. `None`: the filter's code must be called for more.
    pub fn answer(&mut self, filter: &Filter, target: &Brigade) -> Option<Result<(), Error>> {
        if let Some(error) = self.failed {
            return Some(Err(error));
        }
        if self.delivered {
            target.append_end();
            return Some(Ok(()));
        }
        if !self.has_answer() {
            if !self.is_over() {
                return self.pass_by(filter, target);
            }
            if self.stream.is_on_connection() {
                return Some(Err(Error::END_OF_FILE));
            }
            if let Err(error) = self.read_to_end(filter) {
                return Some(Err(error));
            }
            self.stream.append_end();
        }
        let Some(promise) = &mut self.promise else {
            return Some(self.give(target));
        };
        let before = self.stream.measure() as u64;
        // The end was not read yet.
        let ends = self.stream.closed;
        match promise.check(before, ends) {
            Ok(()) => {
                let result = self.give(target);
                let after = self.stream.buffered as u64;
                if let Some(promise) = &mut self.promise {
                    promise.take(before - after);
                }
                Some(result)
            }
            Err(sentence) => Some(Err(self.break_promise(filter, &sentence))),
        }
    }

    /// The body does not have the length that its readers were promised: they get an error in place of it.
    fn break_promise(&mut self, filter: &Filter, sentence: &str) -> Error {
        if let Some(r) = filter.request() {
            let text = format!(
                "filter {} keeps the Content-Length (change=), but {sentence}: its readers get an error",
                filter.name()
            );
            r.log(Level::Error, &text);
        }
        self.fail(filter, None)
    }

    /// Whether the filter's code writes nothing more.
    fn is_over(&self) -> bool {
        self.stream.is_over()
    }

    /// Whether what is written satisfies the mode of the call.
    pub fn has_answer(&mut self) -> bool {
        let buffered = self.stream.measure();
        let held = &self.stream.outgoing;
        match self.mode {
            Mode::Line if self.is_over() => buffered > 0,
            Mode::Line => buffered >= LINE || held.holds_line(),
            Mode::Bytes(_) | Mode::Peek(_) => {
                buffered > 0 || held.all().kinds().any(|kind| kind == BucketKind::End)
            }
        }
    }

    fn give(&mut self, target: &Brigade) -> Result<(), Error> {
        let held = &self.stream.outgoing;
        let before = self.stream.buffered;
        match self.mode {
            Mode::Peek(limit) => return held.all().copy_prefix(target, limit),
            Mode::Bytes(limit) => {
                self.delivered = held.leaving().move_prefix(target, limit)?;
                self.stream.buffered = before.saturating_sub(limit);
            }
            Mode::Line if before == 0 => self.delivered = held.leaving().move_prefix(target, 0)?,
            Mode::Line => {
                let mark = target.last();
                held.leaving().move_line(target, LINE)?;
                let (length, ended) = target.since(mark);
                self.stream.buffered = before.saturating_sub(length);
                // With a last line that has no LF, EOS is moved, too.
                self.delivered = self.stream.closed && ended;
            }
        }
        Ok(())
    }

    /// The filter's code has stepped out: the call goes to the filter below. But httpd's parser of bodies cannot read
    /// lines or peek, so for these modes this filter stays and passes on what arrives.
    fn pass_by(&mut self, filter: &Filter, target: &Brigade) -> Option<Result<(), Error>> {
        let counts = self.promise.is_some() && !self.stream.is_untouched();
        if counts
            || !self.out
            || !(self.stream.is_on_connection() || matches!(self.mode, Mode::Bytes(_)))
        {
            return None;
        }
        if let Some(r) = filter.request().filter(|_| !self.stream.is_untouched()) {
            r.note_touched_body();
        }
        filter.unlink(Direction::Input);
        let answer = filter.fetch(target, self.mode, self.block);
        target.prepend_all(self.stream.outgoing.leaving());
        Some(answer)
    }

    /// Fetches the next brigade from below, for the filter's code. Waits if the caller waits.
    pub fn fetch(&mut self, filter: &Filter) -> Result<(), Error> {
        self.fetch_waiting(filter, self.block)
    }

    fn fetch_waiting(&mut self, filter: &Filter, block: bool) -> Result<(), Error> {
        let arriving = &self.arriving;
        if let Some(r) = filter.request() {
            r.body_is_read();
        }
        // On a connection no more is read than was asked for: the next bytes may be another protocol's.
        let mode = match self.mode {
            Mode::Bytes(limit) | Mode::Peek(limit) if self.stream.is_on_connection() => {
                Mode::Bytes(limit.clamp(1, CHUNK))
            }
            Mode::Line if self.stream.is_on_connection() => Mode::Line,
            _ => Mode::Bytes(CHUNK),
        };
        let mut answer = Ok(());
        for _ in 0..MOST_EMPTY_READS {
            answer = filter.fetch(arriving, mode, block);
            if answer.is_err() || !block || !arriving.is_empty() {
                break;
            }
        }
        let is_empty = arriving.is_empty();
        self.end_below |= arriving.kinds().any(|kind| kind == BucketKind::End);
        self.stream.incoming.all().append_all(arriving);
        answer?;
        if std::mem::take(&mut self.keeps_length) {
            self.promise = filter.request().and_then(Promise::of_request);
        }
        (self.paused, self.starved) = (false, false);
        if is_empty { Err(Error::AGAIN) } else { Ok(()) }
    }

    /// Whether the next piece is at hand: reading it does not wait.
    pub fn is_ready(&mut self) -> bool {
        !self.paused || self.stream.look().is_some()
    }

    /// The next event for the filter's code: the data of a brigade, one `Pause`, then the next brigade. A read behind
    /// the `Pause` waits, whether or not the call may.
    pub fn read(&mut self, filter: &Filter, limit: usize) -> Result<Next, Error> {
        loop {
            match self.stream.look() {
                None if self.end_below => return Ok(Next::Pause),
                None if !self.paused => {
                    self.paused = true;
                    return Ok(Next::Pause);
                }
                None => match self.fetch_waiting(filter, self.block || self.starved) {
                    Err(error) if error.is_again() => {
                        self.starved = true;
                        return Ok(Next::Pause);
                    }
                    Err(error) => return Err(self.break_off(filter, error)),
                    Ok(()) => {}
                },
                Some(BucketKind::Flush) => self.stream.take_flush(),
                Some(BucketKind::End) => {
                    self.stream.take_end();
                    return Ok(Next::End);
                }
                Some(_) => {
                    if self.load(limit)? > 0 {
                        return Ok(Next::Data);
                    }
                }
            }
        }
    }

    /// The next bucket, metadata too.
    pub fn next_bucket(&mut self) -> NextBucket {
        self.stream.take_bucket().unwrap_or(NextBucket::Pause)
    }

    /// A copy of the next `limit` bytes, which stay unread; fewer only at the end. `None`: so many have
    /// not arrived yet.
    pub fn peek(&mut self, limit: usize) -> Result<Option<Vec<u8>>, Error> {
        self.stream.peek(limit, true)
    }

    /// Ends a call while a generator is at work: keeps what it has yielded, and what it has not read.
    pub fn suspend(&mut self, filter: &Filter) -> Result<(), Error> {
        (self.paused, self.starved) = (false, false);
        self.stream.set_aside(filter.pool())
    }

    /// Makes the data at the front a piece of at most `limit` bytes in memory, and returns its length in bytes; 0 if
    /// it turned out to be empty.
    pub fn load(&mut self, limit: usize) -> Result<usize, Error> {
        self.stream.load(limit.max(1), true)
    }

    /// Ends the body here for its readers. The rest is read and dropped before they see the end, so that it is not
    /// taken for the next request.
    pub fn close(&mut self) {
        self.stream.end_said = true;
    }

    /// Passes the rest of the brigade at hand on as it is.
    pub fn pass_on(&mut self) {
        self.stream.move_rest();
    }

    /// Steps out for good: what is left when this call ends, and all that follows, passes by unchanged.
    pub fn step_out(&mut self) {
        self.out = true;
    }

    /// Ends a call of the filter's code: what it has not read counts as written.
    pub fn finish(&mut self, filter: &Filter) -> Result<(), Error> {
        if self.stream.is_over() {
            self.stream.incoming.clear();
        } else {
            self.stream.move_rest();
        }
        (self.paused, self.starved) = (false, false);
        self.stream.set_aside(filter.pool())
    }

    /// The filter's code failed: readers get an error, with the status `refusal` if there is one, and the connection is
    /// closed after the response.
    pub fn fail(&mut self, filter: &Filter, refusal: Option<Status>) -> Error {
        let error = match refusal.map(|status| status.0) {
            Some(413) => Error::NO_SPACE,
            Some(408) => Error::TIME_OUT,
            Some(501) => Error::NOT_IMPLEMENTED,
            Some(400) => Error::GENERAL,
            _ => Error::FILTER,
        };
        if let Some(r) = filter.request() {
            r.refuse_body(refusal.unwrap_or(Status::INTERNAL_SERVER_ERROR));
        }
        self.break_off(filter, error)
    }

    /// The peer has ended its side. What is written can still be read.
    pub fn end_connection_input(&mut self, filter: &Filter, error: Error) -> Result<(), Error> {
        self.stream.end_said = true;
        match self.stream.is_on_connection() && error.is_end() && self.stream.buffered > 0 {
            true => Ok(()),
            false => Err(self.break_off(filter, error)),
        }
    }

    /// A read from below failed: every further read returns this error, and the connection is closed after the
    /// response.
    pub fn break_off(&mut self, filter: &Filter, error: Error) -> Error {
        self.stream.drop_all();
        self.failed = Some(error);
        filter.connection().set_keep_alive(KeepAlive::Close);
        error
    }

    /// Reads the body's rest from below and drops it.
    fn read_to_end(&mut self, filter: &Filter) -> Result<(), Error> {
        if self.end_below {
            return Ok(());
        }
        self.stream.incoming.clear();
        if filter.request().is_some_and(|r| r.expecting_100() != 0) {
            // The client waits for 100 Continue; it is not asked for a body that would be dropped.
            filter.connection().set_keep_alive(KeepAlive::Close);
            self.end_below = true;
            return Ok(());
        }
        while !self.end_below {
            match self.fetch(filter) {
                Ok(()) => self.stream.incoming.clear(),
                Err(error) if error.is_again() => return Err(error),
                Err(_) => {
                    filter.connection().set_keep_alive(KeepAlive::Close);
                    self.end_below = true;
                }
            }
        }
        Ok(())
    }
}
