//! Descriptors that a child keeps free for making an interpreter: CPython ends the process if it cannot open its own
//! modules then (before 3.12, without asking its embedder). The lock of the list is short; any thread, with or without
//! the GIL.

use std::fs::File;
use std::io;

use crate::locks::Lock;

/// The number of descriptors: a start has up to three files open at once, and other threads may open some meanwhile.
const COUNT: usize = 8;

static KEPT: Lock<Vec<File>> = Lock::short(Vec::new());

/// Opens the descriptors; fewer if the process has too few.
pub fn keep() {
    // `let_go` tries again to open those that are missing.
    let _ = fill(&mut KEPT.lock());
}

/// Closes the descriptors until the returned value is dropped.
///
/// # Errors
/// The process has too few descriptors now (`EMFILE`).
pub fn let_go() -> io::Result<LetGo> {
    let mut kept = KEPT.lock();
    // All are opened anew first: the limit of the process may be lower now.
    kept.clear();
    fill(&mut kept)?;
    kept.clear();
    Ok(LetGo(()))
}

/// While this exists, the descriptors are closed.
pub struct LetGo(());

impl Drop for LetGo {
    fn drop(&mut self) {
        keep();
    }
}

fn fill(kept: &mut Vec<File>) -> io::Result<()> {
    while kept.len() < COUNT {
        // The root exists in every chroot.
        kept.push(File::open("/")?);
    }
    Ok(())
}
