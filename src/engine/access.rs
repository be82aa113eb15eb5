//! What directives say about Python in httpd's access control: `PythonAuthProvider` and `Require python`.

use std::fmt;
use std::sync::Arc;

use super::handlers::{Handler, Home};

/// The function of an authentication provider that checks a password.
pub const CHECK_PASSWORD: &str = "check_password";
/// The function of an authentication provider that gives the hash of Digest.
pub const REALM_HASH: &str = "get_realm_hash";

/// `PythonAuthProvider`: the functions behind `AuthBasicProvider python` and its like.
pub struct AuthProvider {
    text: String,
    /// The function that checks a password.
    pub check_password: Handler,
    /// The function that gives the hash of Digest.
    pub realm_hash: Handler,
}

impl AuthProvider {
    /// Reads `module[::object]`; the functions are the module's, or the object's.
    ///
    /// # Errors
    /// A sentence that says what to write.
    pub fn parse(text: &str, home: &Home, source: &Arc<str>) -> Result<Self, String> {
        let named = Handler::parse(text, home, source)?;
        let function = |name: &str| Handler {
            object: Some(match &named.object {
                Some(object) => format!("{object}.{name}"),
                None => name.to_owned(),
            }),
            ..named.clone()
        };
        Ok(Self {
            text: text.to_owned(),
            check_password: function(CHECK_PASSWORD),
            realm_hash: function(REALM_HASH),
        })
    }

    /// The argument as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// `Require python`: a function, and the texts that it is called with.
pub struct Requirement {
    /// The function.
    pub handler: Handler,
    /// What follows it in the line.
    pub arguments: Vec<String>,
}

impl Requirement {
    /// Reads `module::function [argument …]`.
    ///
    /// # Errors
    /// A sentence that says what to write.
    pub fn parse(words: Vec<String>, home: &Home, source: &Arc<str>) -> Result<Self, String> {
        let mut words = words.into_iter();
        let name = words.next().unwrap_or_default();
        if name.is_empty() {
            return Err("names no function: write Require python module::function".to_owned());
        }
        let handler = Handler::parse(&name, home, source)?;
        if handler.object.is_none() {
            return Err(format!(
                "'{name}' names no function: write Require python {name}::function"
            ));
        }
        Ok(Self {
            handler,
            arguments: words.collect(),
        })
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Require python {}", self.handler)?;
        self.arguments
            .iter()
            .try_for_each(|argument| write!(f, " {argument}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requirement(text: &str) -> Result<Requirement, String> {
        let words = text.split_whitespace().map(str::to_owned).collect();
        Requirement::parse(words, &Home::None, &"test.conf:1".into())
    }

    #[test]
    fn a_provider_is_a_module_or_an_object_in_it() {
        let provider = |text| AuthProvider::parse(text, &Home::None, &"test.conf:1".into());
        let module = provider("guard").unwrap();
        assert_eq!(module.check_password.text(), "guard::check_password");
        assert_eq!(module.realm_hash.text(), "guard::get_realm_hash");
        assert_eq!(module.text(), "guard");
        let object = provider("guard::staff.Desk").unwrap();
        assert_eq!(
            object.check_password.text(),
            "guard::staff.Desk.check_password"
        );
        assert!(provider("a b").is_err_and(|sentence| sentence.contains("write module")));
    }

    #[test]
    fn a_requirement_names_a_function() {
        let one = requirement("guard::group editors staff").unwrap();
        assert_eq!(one.handler.text(), "guard::group");
        assert_eq!(one.arguments, ["editors", "staff"]);
        assert_eq!(one.to_string(), "Require python guard::group editors staff");
        for bad in ["", "guard", "guard::", "a-b::c"] {
            let sentence = requirement(bad).err().unwrap();
            assert!(sentence.contains("write "), "{bad}: {sentence}");
        }
    }
}
