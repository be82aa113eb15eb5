//! When a module is called in a hook of httpd's: the word that `engine` and `httpd` share.

/// The order among the modules in a hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Before the modules that are registered as first (`APR_HOOK_REALLY_FIRST`).
    ReallyFirst,
    /// Before modules without an order of their own (`APR_HOOK_FIRST`).
    First,
    /// With modules without an order of their own (`APR_HOOK_MIDDLE`).
    Middle,
}
