//! The user of httpd's children (`User`, `Group`), and which files it can read.

use std::ffi::{CStr, CString};
use std::io::Error;

use super::process;
use crate::httpd::cstr::c_bytes;
use crate::httpd::ffi;

/// The exit status of a process that could not become the user.
const NOT_THE_USER: i32 = 255;

/// The user of the children: as `User` has it where httpd is started as root, else the one that has started it.
pub struct ChildUser {
    name: String,
    /// The user, its group and its further groups; none if this process is the user already.
    other: Option<(libc::uid_t, libc::gid_t, Vec<libc::gid_t>)>,
}

impl ChildUser {
    /// The user that the configuration, which was read, names.
    pub fn configured() -> Self {
        // SAFETY: asks only.
        if unsafe { libc::geteuid() } != 0 {
            // SAFETY: as above.
            let name = format!("user {}", unsafe { libc::geteuid() });
            return Self { name, other: None };
        }
        // SAFETY: httpd's own record, which directives have written on this thread.
        let configured = unsafe { ffi::ap_unixd_config };
        let (user, group) = (configured.user_id, configured.group_id);
        // SAFETY: null or NUL-terminated, as long as the configuration.
        let name = unsafe { c_bytes(configured.user_name) };
        let name = String::from_utf8_lossy(name.unwrap_or_default()).into_owned();
        let groups = groups(&CString::new(&*name).unwrap_or_default(), group);
        Self {
            name,
            other: Some((user, group, groups)),
        }
    }

    /// The user's name, as the configuration has it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The first of these files and folders that the user cannot read, by its index. `None` if there is none, or if
    /// it could not be found out. Called where the process has one thread: as the configuration is read.
    pub fn first_unreadable(&self, paths: &[CString]) -> Option<usize> {
        let Some((user, group, groups)) = &self.other else {
            return unreadable(paths);
        };
        // Another process, since only its kernel knows all rules: modes, access control lists, mounts.
        // SAFETY: this process has one thread; the new one only asks the kernel, and ends.
        match unsafe { libc::fork() } {
            -1 => None,
            0 => {
                let status = match become_user(*user, *group, groups) {
                    true => unreadable(paths).map_or(0, |index| index as i32 + 1),
                    false => NOT_THE_USER,
                };
                process::end(status.min(NOT_THE_USER))
            }
            child => {
                let status = exit_status(child)?;
                let index = usize::try_from(status - 1).ok()?;
                (status != NOT_THE_USER).then_some(index)
            }
        }
    }
}

/// The groups of a user.
fn groups(name: &CStr, group: libc::gid_t) -> Vec<libc::gid_t> {
    let mut groups = vec![group; 256];
    let mut count = groups.len() as i32;
    // SAFETY: a NUL-terminated name, and a place for `count` groups.
    let found =
        unsafe { libc::getgrouplist(name.as_ptr(), group, groups.as_mut_ptr(), &raw mut count) };
    groups.truncate(match found {
        -1 => 1,
        _ => count.max(0) as usize,
    });
    groups
}

/// Gives up the rights of root.
fn become_user(user: libc::uid_t, group: libc::gid_t, groups: &[libc::gid_t]) -> bool {
    // SAFETY: as many groups as it says.
    let mut failed = unsafe { libc::setgroups(groups.len(), groups.as_ptr()) };
    // SAFETY: changes this process alone.
    failed |= unsafe { libc::setgid(group) };
    // SAFETY: as above.
    failed |= unsafe { libc::setuid(user) };
    failed == 0
}

/// The first of these that this process cannot read, by its index.
fn unreadable(paths: &[CString]) -> Option<usize> {
    paths.iter().position(|path| {
        // SAFETY: NUL-terminated; only asks.
        let found = unsafe { libc::open(path.as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC) };
        // SAFETY: the descriptor of the line above, or -1.
        unsafe { libc::close(found) };
        found == -1
    })
}

/// Waits for the end of a process; `None` if it did not exit by itself.
fn exit_status(child: libc::pid_t) -> Option<i32> {
    let mut status = 0;
    loop {
        // SAFETY: a child of this process, and a place for its status.
        if unsafe { libc::waitpid(child, &raw mut status, 0) } == child {
            return libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status));
        }
        if Error::last_os_error().raw_os_error() != Some(libc::EINTR) {
            return None;
        }
    }
}
