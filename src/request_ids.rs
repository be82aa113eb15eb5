//! The id of a request, by which the logs and Python's `logging` call it.

use crate::engine::request_id::{RequestIds, id_of};
use crate::engine::settings::Settings;
use crate::httpd::log::Level;
use crate::httpd::{Request, Status};

/// A request was read: gives it its id, where `PythonRequestID` asks for one. What is redirected internally, and what
/// is asked for on the side, has that of the client's request.
pub fn take(r: &Request) -> Status {
    let settings: &Settings = r.settings();
    let Some(rule) = settings.request_ids.as_ref() else {
        return Status::DECLINED;
    };
    if *rule == RequestIds::Off {
        return Status::DECLINED;
    }
    match inherited(r).or_else(|| believed(r, rule)) {
        Some(id) => r.set_log_id(Some(id)),
        None => {
            r.make_log_id();
        }
    }
    Status::DECLINED
}

/// The id that httpd asks for, when an entry is logged for a request without one; `None`: httpd makes one.
pub fn generated(r: &Request) -> Option<&[u8]> {
    let settings: &Settings = r.settings();
    let is_off = matches!(settings.request_ids, None | Some(RequestIds::Off));
    if is_off { None } else { inherited(r) }
}

fn inherited(r: &Request) -> Option<&[u8]> {
    r.main().or_else(|| r.prev())?.log_id()
}

fn believed<'a>(r: &'a Request, rule: &RequestIds) -> Option<&'a [u8]> {
    rule.headers().iter().find_map(|header| {
        let value = r.headers_in().get(header)?;
        let id = id_of(header.to_bytes(), value);
        if id.is_none() {
            let name = header.to_string_lossy();
            let text = format!("the {name} of the client is no id: it is left alone");
            r.log(Level::Debug, &text);
        }
        id
    })
}
