//! Where a filter stands in httpd's chains and what it may change: the words that `engine` and `httpd` share.

/// In which direction a filter works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// An input filter: bodies of requests, or what arrives on a connection.
    Input,
    /// An output filter: responses, or what is sent on a connection.
    Output,
}

/// The type of a filter (httpd's `ap_filter_type`, `AP_FTYPE_*`), in the order in which a response passes
/// them. `kind=` of a filter's directive names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilterType {
    /// `AP_FTYPE_RESOURCE`: with the filters that make the content.
    Resource,
    /// `AP_FTYPE_CONTENT_SET`: with the filters that change the content's coding, as mod_deflate.
    ContentSet,
    /// `AP_FTYPE_PROTOCOL`: after the headers of a response are made, before its chunks are.
    Protocol,
    /// `AP_FTYPE_TRANSCODE`: with the filters that cut a response into chunks.
    Transcode,
    /// `AP_FTYPE_CONNECTION`: of the connection; plain text above mod_ssl.
    Connection,
    /// `AP_FTYPE_NETWORK`: of the connection, next to the network; cipher text below mod_ssl.
    Network,
}

/// What a filter may change of a body: `change=` of a filter's directive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Anything, the length too: `change=yes`.
    Length,
    /// The bytes, but not how many they are: `change=1:1`.
    Bytes,
    /// Nothing: `change=no`.
    Nothing,
}
