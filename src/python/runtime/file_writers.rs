//! Whether anybody has a file open for writing, which the kernel tells its owner: who writes it may have opened it before
//! anyone looked for changes, or beside another program that closes it first.

#![expect(unsafe_code, reason = "asks the kernel for a lease on a file")]

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use super::folder_watch::{WRITTEN, is_remote};

/// `fcntl`'s operation for the signal that tells of somebody who wants to open a file that has a lease.
const F_SETSIG: libc::c_int = 10;

/// Whether some process has a file open for writing. `None` if the kernel does not tell: to none but the file's owner
/// and root, not on all file systems, and not of a file that was changed more than half a minute ago, which is not asked
/// for. Opens the file, so it may wait for a disk.
pub fn has_writers(path: &Path) -> Option<bool> {
    let changed = path.metadata().ok()?.modified().ok()?;
    if changed.elapsed().unwrap_or(Duration::ZERO) > WRITTEN || is_remote(path) {
        return None;
    }
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    let mut options = OpenOptions::new();
    let file = options.read(true).custom_flags(flags).open(path).ok()?;
    // Who opens the file in this moment waits for the end of the lease, and the signal of that is one that is ignored.
    control(&file, F_SETSIG, libc::SIGURG).ok()?;
    match control(&file, libc::F_SETLEASE, libc::F_RDLCK) {
        Ok(()) => {
            // A process that is forked now has the file open, too, so that closing it here may not be the end.
            let _ = control(&file, libc::F_SETLEASE, libc::F_UNLCK);
            Some(false)
        }
        Err(error) => (error.kind() == io::ErrorKind::WouldBlock).then_some(true),
    }
}

fn control(file: &File, operation: libc::c_int, argument: libc::c_int) -> io::Result<()> {
    // SAFETY: an open file, and an operation whose argument is a number.
    match unsafe { libc::fcntl(file.as_raw_fd(), operation, argument) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}
