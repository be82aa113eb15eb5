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
    const NAME: &'static std::ffi::CStr = c"builtins.mp_filter";
    const DOC: &'static std::ffi::CStr =
        c"A filter in the chain of one request or connection. Attributes that a handler sets on it last until \
        the body ends. It may be used only in a call of the filter's function; at any other time its methods \
        and attributes raise RuntimeError.";
    const ID: ClassId = ClassId::Filter;
    const OPEN: bool = true;
    methods! { FilterObject:
        /// Returns all of the body that is at hand in this call, up to the next FLUSH (bytes): at most n bytes, and at
        /// most what joined= allows (1 MiB). In an async generator the result is awaited, and is the next piece of at
        /// most 64 KiB. b'' when there is nothing more for now: return, and the function is called again. None at the
        /// end of the body, once. Raises OSError when the source of the body fails, ValueError after close().
        read(; n) = io::read;
        /// Returns an async iterator over the lines of the body with their line ends (bytes), each of at most limit
        /// bytes (65536 if left out).
        lines(; limit) = async_io::lines;
        /// Awaits the next n bytes (int) of the body without taking them; fewer only at the end of the body.
        peek(n) = async_io::peek;
        /// Awaits the whole body (bytes). Raises apache.BodyTooLarge when it is larger than limit bytes (int).
        body(; limit) = async_io::body;
        /// Returns an async iterator over the body (bytes) in which each key of the mapping pairs is replaced by its
        /// value, also where it is spread over two pieces. count: the most replacements (int). ignore_case: true to
        /// ignore the case of ASCII letters. Raises ValueError for an empty mapping or an empty key.
        replace(pairs; count, ignore_case) = async_io::replace;
        /// Returns an async iterator over the buckets of the body (Bucket), metadata among them.
        buckets() = async_io::buckets;
        /// Returns the next line with its line end (bytes), at most n bytes of it and at most what joined= allows (1
        /// MiB); else as read().
        readline(; n) = io::readline;
        /// Writes data (str, encoded as UTF-8, bytes or a buffer) to what follows in the chain. Raises OSError when the
        /// client is gone, TypeError for data of another type, ValueError after close().
        write(data) = io::write;
        /// Sends what was written and what later filters hold back. Raises OSError when the client is gone.
        flush() = io::flush;
        /// Ends the body here: what is left of it is dropped. Raises apache.FilterLimit if read() left data behind only
        /// because of the bound of joined=.
        close() = io::close;
        /// Passes on unchanged what is left of this call's part of the body; an async generator steps out for the whole
        /// body. Raises apache.FilterLimit when more was read than is held (held=).
        pass_on() = io::pass_on;
        /// Takes the filter out of the chain: what is left of the body, and all that follows, passes unchanged.
        disable() = io::disable;
    }
    attributes! { FilterObject:
        /// The Request whose body passes; None in a filter of connections.
        req = req;
        /// The Connection of the filter.
        connection = connection;
        /// The name that the filter was registered with (str).
        name = name;
        /// The function of the filter as it was configured (str): 'module::function'.
        handler = handler;
        /// The path of the directory section that declares the filter (str), or None.
        dir = dir;
        /// 1 for an input filter, 0 for an output filter (int).
        is_input = is_input;
        /// 1 after close() (int).
        closed = closed;
        /// How the caller of an input filter reads: 'bytes', 'line' or 'peek' (ap_input_mode_t). None in an output
        /// filter.
        mode = mode;
        /// True when the caller of an input filter waits for data (APR_BLOCK_READ). None in an output filter.
        block = block;
        /// The number of bytes that the caller of an input filter asks for (int). None for mode 'line' and in an output
        /// filter.
        readbytes = readbytes;
    }

    fn slots() -> Vec<Slot> {
        vec![async_iterable_slot::<Self>()]
    }
}
