//! The plain fields of `request_rec`: texts and numbers.

use super::Request;
use crate::httpd::cstr::c_bytes;

/// A text field: how it is read, and how a copy in the request's pool takes its place.
macro_rules! text_fields {
    ($($(#[$doc:meta])* $get:ident $(/ $set:ident)? = $field:ident;)*) => {
        impl Request {$(
            $(#[$doc])*
            pub fn $get(&self) -> Option<&[u8]> {
                // SAFETY: null or NUL-terminated, for the request's life.
                unsafe { c_bytes(self.raw().$field) }
            }
            $(
                /// Replaces it; NUL bytes end it.
                pub fn $set(&self, value: Option<&[u8]>) {
                    let value = value.map_or(std::ptr::null_mut(), |v| self.pool().copy_text(v));
                    // SAFETY: live; modules set this field on the request's own thread.
                    unsafe { (*self.as_ptr()).$field = value };
                }
            )?
        )*}
    };
}

/// A number field: how it is read, and set.
macro_rules! number_fields {
    ($($(#[doc = $doc:literal])+ $get:ident $(/ $set:ident)? = $field:ident: $kind:ty;)*) => {
        impl Request {$(
            $(#[doc = $doc])+
            pub fn $get(&self) -> $kind {
                self.raw().$field
            }
            $(
                /// Sets it.
                pub fn $set(&self, value: $kind) {
                    // SAFETY: live; modules set this field on the request's own thread.
                    unsafe { (*self.as_ptr()).$field = value };
                }
            )?
        )*}
    };
}

text_fields! {
    /// The request line.
    the_request = the_request;
    /// `HTTP/1.1`.
    protocol = protocol;
    /// The host of the request, without its port.
    hostname = hostname;
    /// The reason phrase with its number.
    status_line / set_status_line = status_line;
    /// `GET`.
    method = method;
    /// The path, unescaped.
    uri / set_uri = uri;
    /// The request target as it came.
    unparsed_uri = unparsed_uri;
    /// The file with symbolic links and case resolved.
    canonical_filename / set_canonical_filename = canonical_filename;
    /// What follows the file in the path.
    path_info / set_path_info = path_info;
    /// The query string, as it came.
    args / set_args = args;
    /// The authenticated user.
    user / set_user = user;
    /// How the user was authenticated.
    auth_type / set_auth_type = ap_auth_type;
    /// The name of the content handler.
    handler / set_handler = handler;
    /// The media type of the response.
    content_type = content_type;
    /// The coding of the response.
    content_encoding / set_content_encoding = content_encoding;
    /// What mod_negotiation found, for the `ETag`.
    vlist_validator = vlist_validator;
    /// The peer's address, or what mod_remoteip found.
    useragent_ip = useragent_ip;
    /// The `Range` header, if the response is one.
    range = range;
}

number_fields! {
    /// Not 0: a response without a head, as in HTTP/0.9.
    assbackwards / set_assbackwards = assbackwards: i32;
    /// Whether and how it is proxied (`PROXYREQ_*`).
    proxyreq / set_proxyreq = proxyreq: i32;
    /// 1001 for HTTP/1.1.
    proto_num = proto_num: i32;
    /// When it arrived, in microseconds since 1970.
    request_time = request_time: i64;
    /// The response's status.
    status = status: i32;
    /// httpd's number for the method.
    method_number = method_number: i32;
    /// Bytes of body that passed all filters, for `%B` of the access log.
    sent_bodyct = sent_bodyct: i64;
    /// Bytes of body that went to the client's side.
    bytes_sent / set_bytes_sent = bytes_sent: i64;
    /// When what it answers with has changed last, in microseconds since 1970; 0 for unknown.
    mtime = mtime: i64;
    /// The length of the response as `set_content_length` gave it.
    clength = clength: i64;
    /// Whether the response is sent in chunks.
    chunked / set_chunked = chunked: i32;
    /// How the body is to be read (`REQUEST_*`).
    read_body = read_body: i32;
    /// Whether the body comes in chunks, once a module of C has asked.
    read_chunked = read_chunked: i32;
    /// Whether the client waits for `100 Continue` before it sends the body.
    expecting_100 = expecting_100: u32;
    /// The length of the body that is being read, by its `Content-Length`; 0 for unknown and at its end.
    remaining / set_remaining = remaining: i64;
    /// Bytes of the body that were read.
    read_length / set_read_length = read_length: i64;
    /// Whether the response may not be stored.
    no_cache / set_no_cache = no_cache: i32;
    /// Whether the client has no copy of its own that would do (304).
    no_local_copy / set_no_local_copy = no_local_copy: i32;
    /// What becomes of a path that goes on behind a file (`AP_REQ_*`).
    used_path_info / set_used_path_info = used_path_info: i32;
    /// Whether the end of the response was sent.
    eos_sent = eos_sent: i32;
}
