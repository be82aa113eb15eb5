//! The table of `filter`: its methods and attributes, in the order of `_apache.pyi`.

use crate::python::filter::async_io;
use crate::python::filter::fields::{
    block, closed, connection, dir, handler, is_input, mode, name, readbytes, req,
};
use crate::python::filter::io;
use crate::python::filter::object::FilterObject;
use crate::python::object::class::Class;
use crate::python::object::members::{attributes, methods};
use crate::python::object::slots::{Slot, async_iterable_slot};
use crate::python::runtime::types::ClassId;

impl Class for FilterObject {
    const NAME: &'static std::ffi::CStr = c"mod_python.apache.Filter";
    const DOC: &'static std::ffi::CStr =
        c"A filter in the chain of one request. Attributes set on it live as long as it does.";
    const ID: ClassId = ClassId::Filter;
    const OPEN: bool = true;
    methods! { FilterObject:
        /// All of the body that is at hand in this call, up to the next FLUSH: at most n bytes, and at most what joined=
        /// allows (1 MiB). b'' when there is nothing more for now: return, and the filter is called again. None at the
        /// end, once.
        read(; n) = io::read;
        /// An async iterator over lines with their ends, of at most limit bytes (64 KiB).
        lines(; limit) = async_io::lines;
        /// Awaits up to n bytes that stay unread; fewer only at the end of the body.
        peek(n) = async_io::peek;
        /// Awaits the whole body. Raises apache.BodyTooLarge when it is larger than limit bytes.
        body(; limit) = async_io::body;
        /// An async iterator over the body with each key of a dict replaced by its value, wherever
        /// the body is cut. count: so many at most. ignore_case: for ASCII letters.
        replace(pairs; count, ignore_case) = async_io::replace;
        /// An async iterator over the buckets of the body, metadata among them.
        buckets() = async_io::buckets;
        /// The next line with its end, at most n bytes of it and at most what joined= allows (1 MiB); else as read.
        readline(; n) = io::readline;
        /// Writes str (as UTF-8), bytes or a buffer. Raises OSError when the client is gone.
        write(data) = io::write;
        /// Sends what was written, and what later filters hold.
        flush() = io::flush;
        /// Ends the stream here; what is left of it is dropped. Raises apache.FilterLimit if read() left data behind only
        /// because of the bound of joined=.
        close() = io::close;
        /// Hands what is left of this call on as it is.
        pass_on() = io::pass_on;
        /// Steps out: what is left, and all that follows, goes on as it is.
        disable() = io::disable;
    }
    attributes! { FilterObject:
        /// The request.
        req = req;
        /// The connection.
        connection = connection;
        /// The name it was registered with.
        name = name;
        /// What was configured: module::function.
        handler = handler;
        /// The directory of the section that declares it, or None.
        dir = dir;
        /// 1 for an input filter.
        is_input = is_input;
        /// 1 after close().
        closed = closed;
        /// How the caller of an input filter reads: 'bytes', 'line' or 'peek'. None for output.
        mode = mode;
        /// Whether the caller of an input filter waits. None for output.
        block = block;
        /// How many bytes the caller of an input filter asks for. None for output and for lines.
        readbytes = readbytes;
    }

    fn slots() -> Vec<Slot> {
        vec![async_iterable_slot::<Self>()]
    }
}
