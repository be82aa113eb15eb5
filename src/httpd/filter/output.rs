//! Output filters: buckets that arrive from the handler, and buckets that go on to the client.

use super::Filter;
use super::content_length::Promise;
use super::stream::{CHUNK, Next, Stream};
use super::stream_buckets::NextBucket;
use crate::filter_chain::{Change, Direction};
use crate::httpd::apr::brigade::Brigade;
use crate::httpd::apr::bucket::BucketKind;
use crate::httpd::status::Error;

/// One output filter in the chain of one response.
pub struct Output {
    /// The pieces, and how to read and write them.
    pub stream: Stream,
    /// The headers were corrected, or found to be right.
    pub(in crate::httpd) headers_settled: bool,
    /// Something was sent to the next filter: the headers may have gone out.
    pub(in crate::httpd) started: bool,
    /// EOS was sent to the next filter: nothing can follow, not even an error.
    pub(in crate::httpd) ended: bool,
    /// The error of a send: the client is gone, and nothing more is sent.
    pub(in crate::httpd) broken: Option<Error>,
    /// The filter's code stepped out: what follows passes by unchanged.
    out: bool,
    /// The filter decodes what comes (`stay`), so it stays in its chain.
    stays: bool,
    /// What the filter's code may change of a body.
    change: Change,
    /// The promised `Content-Length`, if the headers keep it once they are settled.
    pub(in crate::httpd) promise: Option<Promise>,
}

impl Output {
    /// The state of a filter that is called for the first time.
    pub fn new(filter: &Filter, change: Change) -> Self {
        Self {
            change,
            promise: None,
            stream: Stream::new(filter),
            headers_settled: false,
            started: false,
            ended: false,
            broken: None,
            out: false,
            stays: false,
        }
    }

    /// Takes the buckets of a call. Data behind EOS does not belong to the body: it is dropped, and metadata
    /// passes by.
    pub fn accept(&mut self, brigade: &Brigade) {
        self.stream.incoming.all().append_all(brigade);
    }

    /// Moves the metadata at hand before anything that the filter's code writes.
    pub fn pass_metadata(&mut self) {
        let stream = &self.stream;
        while !self.started && stream.incoming.front() == Some(BucketKind::Metadata) {
            stream.incoming.move_front(&stream.outgoing);
        }
    }

    /// Whether sending has failed.
    pub fn is_broken(&self) -> bool {
        self.broken.is_some()
    }

    /// Whether the filter's code has stepped out.
    pub fn is_out(&self) -> bool {
        self.out
    }

    /// Whether the next piece is in memory already: reading it neither waits nor sends.
    pub fn is_ready(&mut self) -> bool {
        !self.stream.flush_owed
            && match self.stream.look() {
                Some(BucketKind::Data) => self.stream.incoming.all().front_length().is_some(),
                _ => true,
            }
    }

    /// The next event. Waits for slow sources, and sends what was written before that.
    pub fn read(&mut self, filter: &Filter, limit: usize) -> Result<Next, Error> {
        if let Some(error) = self.broken {
            return Err(error);
        }
        self.answer_flush(filter)?;
        loop {
            match self.stream.look() {
                None => return Ok(Next::Pause),
                _ if self.stream.error_seen => return Ok(Next::Pause),
                Some(BucketKind::Flush) => {
                    self.stream.take_flush();
                    return Ok(Next::Pause);
                }
                Some(BucketKind::End) => {
                    self.stream.take_end();
                    return Ok(Next::End);
                }
                // The response to HEAD: its headers are out, and the body is not sent.
                Some(_) if is_head_out(filter) => {
                    drop(self.stream.incoming.remove_front());
                }
                Some(_) if self.range_is_sent(filter) => self.drop_rest(filter)?,
                Some(_) => {
                    if self.load(filter, limit)? > 0 {
                        return Ok(Next::Data);
                    }
                }
            }
        }
    }

    /// The next bucket, metadata too.
    pub fn next_bucket(&mut self, filter: &Filter) -> Result<NextBucket, Error> {
        if let Some(error) = self.broken {
            return Err(error);
        }
        self.answer_flush(filter)?;
        if is_head_out(filter) {
            // The response to HEAD: its headers are out, and the body is not sent.
            while self.stream.has_data() {
                drop(self.stream.incoming.remove_front());
            }
        }
        if self.stream.error_seen {
            return Ok(NextBucket::Pause);
        }
        if self.range_is_sent(filter) {
            self.drop_rest(filter)?;
        }
        Ok(self.stream.take_bucket().unwrap_or(NextBucket::Pause))
    }

    /// Whether the client has asked for a range, and all of it was sent. A filter with `change=no`, which may count or
    /// look for something, gets the rest all the same; one with `change=1:1` has nothing to do any more, unless
    /// another filter gets what it writes.
    fn range_is_sent(&self, filter: &Filter) -> bool {
        self.started && self.change == Change::Bytes && filter.range_is_sent()
    }

    /// Drops the data at hand, which nobody gets. What a source of unknown length has is read, as a script waits for
    /// that.
    fn drop_rest(&mut self, filter: &Filter) -> Result<(), Error> {
        self.promise = None;
        while self.stream.has_data() {
            let is_unknown = self.stream.incoming.all().front_length().is_none();
            if is_unknown && self.load(filter, CHUNK)? == 0 {
                continue;
            }
            drop(self.stream.incoming.remove_front());
        }
        Ok(())
    }

    /// Makes the data at the front a piece of at most `limit` bytes in memory, and returns its length in bytes; 0 if
    /// it turned out to be empty. Waits for slow sources, and sends what was written before that.
    pub fn load(&mut self, filter: &Filter, limit: usize) -> Result<usize, Error> {
        let limit = limit.max(1);
        match self.stream.load(limit, false) {
            Err(error) if error.is_again() => {
                self.send_before_waiting(filter)?;
                self.stream.load(limit, true)
            }
            other => other,
        }
    }

    /// A copy of the next `limit` bytes, which stay unread; fewer only at the end. `None`: so many have
    /// not arrived yet.
    pub fn peek(&mut self, filter: &Filter, limit: usize) -> Result<Option<Vec<u8>>, Error> {
        match self.stream.peek(limit, false) {
            Err(error) if error.is_again() => {
                self.send_before_waiting(filter)?;
                self.stream.peek(limit, true)
            }
            other => other,
        }
    }

    /// Sends what was written before a read waits for a slow source. Before the first yield nothing is sent, since
    /// the filter may still step out.
    fn send_before_waiting(&mut self, filter: &Filter) -> Result<(), Error> {
        if self.stream.can_roll_back() {
            return Ok(());
        }
        self.stream.outgoing().append_flush();
        self.send(filter)
    }

    /// Ends a call while a generator waits for more: sends what it has yielded, and keeps what it has not read.
    pub fn suspend(&mut self, filter: &Filter) -> Result<(), Error> {
        self.stream.pay_flush();
        if !self.stream.can_roll_back() {
            self.send(filter)?;
        }
        self.stream.set_aside(filter.pool())
    }

    /// Whether the filter's code has read a FLUSH that is not yet sent on.
    pub fn owes_flush(&self) -> bool {
        self.stream.flush_owed
    }

    /// Sends the FLUSH that the filter's code has read, behind what was written for it.
    pub fn answer_flush(&mut self, filter: &Filter) -> Result<(), Error> {
        if self.stream.pay_flush() {
            self.send(filter)
        } else {
            Ok(())
        }
    }

    /// Whether enough was written to send it on in the middle of a call.
    pub fn is_full(&self) -> bool {
        self.stream.buffered >= CHUNK
    }

    /// Sends on what was written so far.
    pub fn send(&mut self, filter: &Filter) -> Result<(), Error> {
        if let Some(error) = self.broken {
            if self.stream.is_on_connection() {
                self.send_metadata(filter);
            }
            return Err(error);
        }
        if self.stream.outgoing.is_empty() {
            return Ok(());
        }
        self.settle_headers(filter);
        if self.is_reset_content(filter) {
            self.stream.drop_written();
            if self.stream.outgoing.is_empty() {
                return Ok(());
            }
        }
        if self.stream.error_seen {
            // It was cut further up, which is not this filter's failure.
            self.promise = None;
        }
        let counted = self
            .promise
            .as_mut()
            .map(|promise| promise.count(self.stream.outgoing.all()));
        if let Some(Err(sentence)) = counted {
            self.promise = None;
            if !self.mend_length(filter, &sentence) {
                return self.break_off(filter);
            }
        }
        self.started = true;
        self.ended |= self.stream.closed;
        let result = filter.pass(self.stream.outgoing.leaving());
        self.stream.outgoing.clear();
        self.stream.buffered = 0;
        self.stream.unmeasured = false;
        if let Err(error) = result {
            self.broken = Some(error);
        }
        result
    }

    /// Sends what was written so far with a FLUSH, so that all filters send what they hold back.
    pub fn flush(&mut self, filter: &Filter) -> Result<(), Error> {
        if !self.stream.closed {
            self.stream.outgoing.all().append_flush();
        }
        self.send(filter)
    }

    /// Ends the response here: drops what is left of it, and sends the end.
    pub fn close(&mut self, filter: &Filter) -> Result<(), Error> {
        self.stream.flush_owed = false;
        self.stream.touched |= !self.stream.end_seen;
        self.stream.end_said = true;
        self.stream.append_end();
        self.send(filter)
    }

    /// Passes what is left of this call's brigade on as it is.
    pub fn pass_on(&mut self) {
        self.stream.pay_flush();
        self.stream.move_rest();
    }

    /// Ends the response here and drops what is left of it; `finish` sends the end.
    pub fn end_early(&mut self) {
        self.stream.end_said = true;
        self.stream.append_end();
    }

    /// From now on the filter stays in its chain, also when its code steps out: it decodes what comes.
    pub fn stay(&mut self) {
        self.stays = true;
    }

    /// Steps out for good: what is left, and all that follows, passes by unchanged.
    pub fn step_out(&mut self) {
        self.out = true;
    }

    /// Ends a call: sends what was written, what was not read, and the end.
    pub fn finish(&mut self, filter: &Filter) -> Result<(), Error> {
        self.stream.pay_flush();
        if self.stream.end_seen {
            self.stream.append_end();
        }
        self.drain(filter);
        self.stream.move_rest();
        let result = self.send(filter);
        // What follows is still counted if this filter has changed a body of a promised length.
        if self.out && !self.stays && (self.promise.is_none() || self.stream.is_untouched()) {
            filter.unlink(Direction::Output);
        }
        result
    }

    /// After the end, or after an error: data and a further end are dropped, metadata goes on.
    pub fn swallow(&mut self, filter: &Filter, brigade: &Brigade) -> Result<(), Error> {
        self.stream.closed = true;
        self.stream.incoming.all().append_all(brigade);
        self.drain(filter);
        self.stream.move_rest();
        self.send(filter)
    }

    /// Whether the status is 205: httpd would send a body with it, which no client expects.
    fn is_reset_content(&self, filter: &Filter) -> bool {
        let is_one = |r: &&crate::httpd::request::Request| r.status() == 205 && !r.is_subrequest();
        let Some(r) = filter.request().filter(is_one) else {
            return false;
        };
        if !self.started {
            r.forget_representation();
        }
        true
    }

    /// Corrects the headers before the first bucket goes on. Every filter counts as one that changes the length, unless
    /// it has not touched a body that is all at hand, or stepped out before it touched anything.
    fn settle_headers(&mut self, filter: &Filter) {
        if std::mem::replace(&mut self.headers_settled, true) {
            return;
        }
        let whole = self.stream.closed || self.out;
        if !self.stream.touched && whole {
            return;
        }
        let Some(r) = filter.request() else {
            return;
        };
        match self.change {
            Change::Length => return r.forget_representation(),
            Change::Bytes => r.forget_exactness(),
            Change::Nothing => {}
        }
        self.promise = Promise::of_response(r);
    }
}

/// Whether this is the response to HEAD, and its headers are out: filters behind this one, such as `DEFLATE`, may hold
/// them back, and tell from the whole body what they are.
fn is_head_out(filter: &Filter) -> bool {
    filter
        .request()
        .is_some_and(|r| r.is_header_only() && r.has_sent())
}
