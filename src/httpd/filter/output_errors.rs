//! Responses that fail: they are replaced while nothing of them is out, and cut after that, so that every client
//! notices.

use super::Filter;
use super::output::Output;
use crate::httpd::apr::bucket::BucketKind;
use crate::httpd::connection::KeepAlive;
use crate::httpd::log::Level;
use crate::httpd::request::Request;
use crate::httpd::status::{Error, Status};

impl Output {
    /// Ends the response with an error: with an error page of that status while nothing of it went on, else with a
    /// cut, which clients can tell from a whole response.
    pub fn fail(&mut self, filter: &Filter, status: Status) -> Result<(), Error> {
        if self.stream.is_on_connection() {
            self.stream.drop_data();
            return self.end_wrong(filter, status);
        }
        self.stream.forget_written();
        let result = self.end_wrong(filter, status);
        if result.is_ok() {
            self.drain(filter);
        }
        self.stream.drop_all();
        result
    }

    /// Reads what is left of a source of unknown length, behind an end that came early, and drops it: mod_cgi would
    /// wait for the end of a script whose output is not read. The response is sent before that, since the source may
    /// be slow.
    pub(in crate::httpd) fn drain(&mut self, filter: &Filter) {
        let stream = &self.stream;
        let ends = stream.closed && !stream.is_on_connection() && self.broken.is_none();
        if !ends || !stream.incoming.all().has_unknown_length() || self.send(filter).is_err() {
            return;
        }
        filter.connection().flush();
        let stream = &self.stream;
        while let Some(kind) = stream.incoming.front() {
            if matches!(kind, BucketKind::Data | BucketKind::End) {
                if stream.incoming.all().front_length().is_none() {
                    // After an error the source has nothing more.
                    let _ = stream.incoming.all().read_front(true);
                }
                drop(stream.incoming.remove_front());
            } else {
                stream.incoming.move_front(&stream.outgoing);
            }
        }
    }

    fn end_wrong(&mut self, filter: &Filter, status: Status) -> Result<(), Error> {
        self.stream.flush_owed = false;
        self.stream.closed = true;
        self.stream.end_seen = true;
        self.promise = None;
        if let Some(error) = self.broken {
            return Err(error);
        }
        if self.ended {
            return Ok(());
        }
        let Some(r) = filter.request() else {
            self.broken = Some(Error::GENERAL);
            filter.connection().abort();
            self.send_metadata(filter);
            return Err(Error::GENERAL);
        };
        let was_started = self.is_under_way(filter);
        if !was_started && r.is_subrequest() {
            // The including page shows its own error text.
            self.broken = Some(Error::GENERAL);
            return Err(Error::GENERAL);
        }
        let status = if was_started {
            r.note_filter_failure(status);
            Status::BAD_GATEWAY
        } else {
            status
        };
        let outgoing = self.stream.outgoing();
        outgoing.append_error(status.0, r.pool());
        outgoing.append_end();
        if was_started {
            // With a Content-Length already sent only the end of the connection shows the cut.
            filter.connection().set_keep_alive(KeepAlive::Close);
            r.keep_from_caches();
        }
        self.headers_settled = true;
        match self.send(filter) {
            // httpd has answered with an error page; the handler has nothing more to send.
            _ if !was_started => {
                self.broken = Some(Error::FILTER);
                Err(Error::FILTER)
            }
            other => other,
        }
    }

    /// Whether a part of the response went on, so that another one cannot take its place. Always true for a filter
    /// behind the headers.
    pub fn is_under_way(&self, filter: &Filter) -> bool {
        self.started || filter.request().is_some_and(Request::has_sent)
    }

    /// Whether another response can take the place of this one: nothing of it went on.
    pub fn can_be_replaced(&self, filter: &Filter) -> bool {
        let whole = filter.request().is_some_and(|r| !r.is_subrequest());
        whole && !self.is_under_way(filter) && self.broken.is_none()
    }

    /// Whether any bytes can follow what went on of the response.
    pub fn can_be_appended_to(&self, filter: &Filter) -> bool {
        let is_open = filter.request().is_some_and(Request::is_open_ended);
        is_open && self.started && !self.ended && self.broken.is_none()
    }

    /// Sends what was written, and a text behind it.
    pub fn append(&mut self, filter: &Filter, text: &[u8]) {
        if self.stream.write_copy(text).is_ok() {
            // An error is kept; the response is cut in any case.
            let _ = self.flush(filter);
        }
    }

    /// Replaces the whole response, of which nothing went on yet, by an error page `body` of the media type `kind`.
    pub fn replace(&mut self, filter: &Filter, kind: &str, body: &[u8]) -> Result<(), Error> {
        self.stream.drop_all();
        self.stream.flush_owed = false;
        self.stream.end_seen = true;
        if let Some(r) = filter.request() {
            r.set_status(Status::INTERNAL_SERVER_ERROR.0);
            r.set_content_type(Some(kind.as_bytes()));
            r.set_content_encoding(None);
            r.forget_part();
            r.forget_representation();
        }
        self.stream.write_copy(body)?;
        self.stream.append_end();
        self.send(filter)
    }

    /// A promised length is not kept. While nothing is out the header is removed, and httpd counts the body.
    /// `false`: it is too late for that, or it is a part of a body, which Content-Range names. `sentence` says what is
    /// wrong, for the log.
    pub(in crate::httpd) fn mend_length(&self, filter: &Filter, sentence: &str) -> bool {
        let Some(r) = filter.request() else {
            return true;
        };
        let outgoing = self.stream.outgoing.all();
        let whole = outgoing.kinds().any(|kind| kind == BucketKind::End);
        let mends = whole && !self.is_under_way(filter) && !r.is_partial();
        let (level, end) = match mends {
            true => (Level::Warning, "its length is corrected"),
            false => (Level::Error, "it is cut"),
        };
        let text = format!(
            "filter {} keeps the Content-Length (change=), but {sentence}: {end}",
            filter.name()
        );
        r.log(level, &text);
        if mends {
            r.forget_representation();
        }
        mends
    }

    /// Cuts a response of the wrong length. Everything that follows is dropped.
    pub(in crate::httpd) fn break_off(&mut self, filter: &Filter) -> Result<(), Error> {
        let result = self.fail(filter, Status::INTERNAL_SERVER_ERROR);
        let error = result.err().unwrap_or(Error::FILTER);
        self.broken.get_or_insert(error);
        Err(error)
    }

    /// Sends the metadata without the data on a connection that is broken: metadata owns requests, and must reach the
    /// end of the chain.
    pub(in crate::httpd) fn send_metadata(&mut self, filter: &Filter) {
        self.stream.drop_data();
        if !self.stream.outgoing.is_empty() {
            // An error is of no interest: the connection is broken already.
            let _ = filter.pass(self.stream.outgoing.leaving());
            self.stream.outgoing.clear();
        }
    }
}
