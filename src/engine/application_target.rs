//! The callable of an application, as `PythonApplication` and an option name it.

use std::sync::Arc;

use super::handlers::{Handler, Home};

/// The callable of an application, as a directive or an option names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApplicationTarget {
    /// The module and the object in it.
    pub handler: Handler,
    /// Whether the object is called without arguments, once for each interpreter, and answers the application.
    pub is_factory: bool,
}

/// Where the colon of `module:callable` stands. The path of a module's file may have others.
fn colon(name: &str) -> Option<usize> {
    let of_path = name.rfind(".py:").map(|at| at + ".py".len());
    of_path.or_else(|| {
        let file = name.rfind('/').map_or(0, |slash| slash + 1);
        name[file..].find(':').map(|at| file + at)
    })
}

/// The object that a target without one means.
pub const DEFAULT_OBJECT: &str = "application";

impl ApplicationTarget {
    /// Reads `module`, `module:callable` or `module:factory()`; `::` stands for `:`.
    ///
    /// # Errors
    /// A sentence that says what to write.
    pub fn parse(text: &str, home: &Home, source: &Arc<str>) -> Result<Self, String> {
        let (name, is_factory) = match text.strip_suffix("()") {
            Some(name) => (name, true),
            None => (text, false),
        };
        let (module, object) = match colon(name) {
            Some(at) => {
                let object = &name[at + 1..];
                (
                    &name[..at],
                    Some(object.strip_prefix(':').unwrap_or(object)),
                )
            }
            None => (name, None),
        };
        let wrong = || {
            format!(
                "'{text}' names no application: write module:callable, as in shop.wsgi:application, or \
                 module:factory() for a function that makes one"
            )
        };
        if is_factory && object.is_none() {
            return Err(wrong());
        }
        let named = object.map_or(module.to_owned(), |object| format!("{module}::{object}"));
        let handler = Handler::parse(&named, home, source).map_err(|sentence| {
            // A path has rules of its own, and the sentence says them.
            match module.starts_with(['/', '~', '.']) && object.is_none() {
                true => sentence,
                false => wrong(),
            }
        })?;
        Ok(Self {
            handler,
            is_factory,
        })
    }

    /// The object's name in the module.
    pub fn object(&self) -> &str {
        self.handler.object.as_deref().unwrap_or(DEFAULT_OBJECT)
    }

    /// The target as a directive has it.
    pub fn text(&self) -> String {
        let call = if self.is_factory { "()" } else { "" };
        format!("{}:{}{call}", self.handler.module, self.object())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<ApplicationTarget, String> {
        ApplicationTarget::parse(text, &Home::None, &"test.conf:1".into())
    }

    #[test]
    fn a_target_is_a_callable_or_a_factory() {
        let of = |text: &str| {
            let target = parse(text).unwrap();
            let object = target.object().to_owned();
            assert!(parse(&target.text()).is_ok());
            (target.handler.module, object, target.is_factory)
        };
        let named =
            |module: &str, object: &str, factory| (module.to_owned(), object.to_owned(), factory);
        assert_eq!(of("shop"), named("shop", "application", false));
        assert_eq!(of("shop:app"), named("shop", "app", false));
        assert_eq!(of("shop::app.wsgi"), named("shop", "app.wsgi", false));
        assert_eq!(of("shop.web:create()"), named("shop.web", "create", true));
        for (path, object) in [
            ("/srv/shop.py", ":app"),
            ("/srv/a:b/my shop.py", ":app"),
            ("/srv/a:b.py", "::app"),
            ("/a:b/shop.py", ":app"),
        ] {
            assert_eq!(of(&format!("{path}{object}")), named(path, "app", false));
        }
        assert_eq!(of("/srv/shop:app"), named("/srv/shop.py", "app", false));
        assert_eq!(
            of("/srv/a:b/shop"),
            named("/srv/a:b/shop.py", "application", false)
        );
        for bad in [
            "shop()",
            "shop:",
            ":app",
            "shop:app(1)",
            "a b",
            "shop:app:x",
            "1:x",
            "shop:a-b",
            "",
        ] {
            let error = parse(bad).err().unwrap();
            assert!(error.contains("write "), "{bad}: {error}");
        }
    }
}
