//! Entries of a connection in httpd's error log.

use super::Connection;
use crate::httpd::log::log_methods;

log_methods!(Connection, mp_log_connection, ap_get_conn_module_loglevel);
