//! The functions that other modules have registered in httpd's hooks (the lists that mod_info shows).

use std::ffi::{c_char, c_int};

use crate::httpd::cstr::c_bytes;
use crate::httpd::ffi;

/// An entry in a list of hooks (`APR_DECLARE_EXTERNAL_HOOK`).
#[repr(C)]
struct Link<F> {
    function: Option<F>,
    file: *const c_char,
    predecessors: *const *const c_char,
    successors: *const *const c_char,
    order: c_int,
}

/// Puts another function in the place of one that the module of a source file has in a hook, and returns that one;
/// `None` if it has none there, or was replaced before. `number` counts the functions of that module in the hook.
///
/// # Safety
/// As for `functions_of`; nobody else looks at the list meanwhile.
pub(in crate::httpd) unsafe fn replace<F: Copy + PartialEq>(
    hooks: *const ffi::apr_array_header_t,
    file: &[u8],
    number: usize,
    new: F,
) -> Option<F> {
    // SAFETY: as in `functions_of`.
    let hooks = unsafe { hooks.as_ref() }?;
    let count = usize::try_from(hooks.nelts).ok()?;
    if usize::try_from(hooks.elt_size) != Ok(size_of::<Link<F>>()) {
        return None;
    }
    // SAFETY: an array of so many entries of this size, which httpd can write, too; the caller's promise.
    let links = unsafe { std::slice::from_raw_parts_mut(hooks.elts.cast::<Link<F>>(), count) };
    // SAFETY: null or the name of a source file, static in its module.
    let is_wanted = |link: &&mut Link<F>| unsafe { c_bytes(link.file) } == Some(file);
    let link = links.iter_mut().filter(is_wanted).nth(number)?;
    let original = link.function.filter(|original| *original != new)?;
    link.function = Some(new);
    Some(original)
}

/// The functions that the modules of these source files have in a hook, in their order.
///
/// # Safety
/// `hooks` is what httpd's `ap_hook_get_…` gave, and `F` the type of that hook's functions.
pub(in crate::httpd) unsafe fn functions_of<F: Copy>(
    hooks: *const ffi::apr_array_header_t,
    files: &[&[u8]],
) -> Vec<F> {
    // SAFETY: null, or an array of hooks, which does not change once they are sorted.
    let Some(hooks) = (unsafe { hooks.as_ref() }) else {
        return Vec::new();
    };
    let count = match usize::try_from(hooks.nelts) {
        Ok(count) if usize::try_from(hooks.elt_size) == Ok(size_of::<Link<F>>()) => count,
        _ => return Vec::new(),
    };
    // SAFETY: an array of so many entries of this size.
    let links = unsafe { std::slice::from_raw_parts(hooks.elts.cast::<Link<F>>(), count) };
    let is_wanted = |link: &&Link<F>| {
        // SAFETY: null or the name of a source file, static in its module.
        unsafe { c_bytes(link.file) }.is_some_and(|file| files.contains(&file))
    };
    let wanted = links.iter().filter(is_wanted);
    wanted.filter_map(|link| link.function).collect()
}
