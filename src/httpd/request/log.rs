//! Entries of a request in httpd's error log.

use super::Request;
use crate::httpd::log::log_methods;

log_methods!(Request, mp_log_request, ap_get_request_module_loglevel);
