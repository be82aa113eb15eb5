//! Descriptors that a child keeps for the making of an interpreter: CPython ends the process when it
//! cannot open its own modules then (before 3.12, whatever its embedder would do about it).

use std::fs::File;
use std::io;

use crate::locks::Lock;

/// How many: a start has two or three files open at once, and other threads open some meanwhile.
const COUNT: usize = 8;

static KEPT: Lock<Vec<File>> = Lock::short(Vec::new());

/// Takes them, or what of them can be had.
pub fn keep() {
    // Those that are missing are asked for again when they are needed.
    let _ = fill(&mut KEPT.lock());
}

/// Lets go of them until the answer is dropped.
///
/// # Errors
/// There are too few, for now.
pub fn let_go() -> io::Result<LetGo> {
    let mut kept = KEPT.lock();
    // All are opened anew first: the limit may be lower than it was.
    kept.clear();
    fill(&mut kept)?;
    kept.clear();
    Ok(LetGo(()))
}

/// They are free for others.
pub struct LetGo(());

impl Drop for LetGo {
    fn drop(&mut self) {
        keep();
    }
}

fn fill(kept: &mut Vec<File>) -> io::Result<()> {
    while kept.len() < COUNT {
        // There is one in every file system, and in every chroot.
        kept.push(File::open("/")?);
    }
    Ok(())
}
