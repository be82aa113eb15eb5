//! The wiring of httpd's access control: which functions the provider `python` stands for.

use crate::directives;
use crate::engine::access::Requirement;
use crate::httpd::Request;
use crate::httpd::hooks::access::{Access, HashAnswer, PasswordAnswer, RequireAnswer};
use crate::httpd::server::config::Line;
use crate::module::Entry;
use crate::python::request::access;

impl Access for Entry {
    type Owner = Self;
    type Requirement = Requirement;

    fn requirement(line: &Line<'_>) -> Result<Requirement, String> {
        directives::access::requirement(line)
    }

    fn require(r: &Request, requirement: &Requirement) -> RequireAnswer {
        access::require(r, requirement)
    }

    fn check_password(r: &Request, user: &[u8], password: &[u8]) -> PasswordAnswer {
        access::check_password(r, user, password)
    }

    fn realm_hash(r: &Request, user: &[u8], realm: &[u8]) -> HashAnswer {
        access::realm_hash(r, user, realm)
    }
}
