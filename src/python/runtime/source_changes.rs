//! How often files of Python modules have changed, as far as this process knows: a number that requests compare.
//!
//! The kernel notes changes in the folders of modules (inotify). Now and then a request takes what it has noted, which
//! waits for nothing; so there is no thread for it, and a forked process asks for itself. Where the kernel does not tell
//! (network file systems, too many instances), the files are looked at.
//!
//! The lock is short; what may wait for a disk is done without it and without the GIL. A thread that is about to take the
//! GIL looks at the folders before (`look_at_folders`): one that lets go of the GIL may wait long to have it again.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use pyo3::prelude::*;

use super::context::About;
use super::file_writers::has_writers;
use super::folder_watch::FolderWatch;
use super::interpreter::release;
use crate::httpd::log::Level;
use crate::httpd::server::fork::process_id;
use crate::locks::Lock;

/// The pause between two looks at what the kernel has noted.
const LOOK: Duration = Duration::from_millis(50);
/// The pause between two looks at the folders, and at the files where the kernel does not tell of changes.
const SCAN: Duration = Duration::from_millis(200);
/// After so long without a look at the folders, a thread with the GIL lets go of it for one: Python code that runs on and
/// on asks for modules.
const LATE: Duration = Duration::from_secs(2);

/// How often a thread that is about to read a first file of a folder tries to have the folder watched, and the pause:
/// another thread may be at it.
const TRIES: u32 = 100;
const TRY: Duration = Duration::from_millis(1);

/// Whether someone looks for changes.
static IS_WANTED: AtomicBool = AtomicBool::new(false);
/// The number of changes. 0 is never reached by counting: who does not look for changes has it.
static CHANGES: AtomicU64 = AtomicU64::new(1);
/// How often files may have changed unnoticed, so that each interpreter must look at its own.
static DOUBTS: AtomicU64 = AtomicU64::new(1);
/// When the next look at the folders is due, in microseconds since `START`.
static NEXT_SCAN: AtomicU64 = AtomicU64::new(0);
static WATCH: Lock<WatchedFolders> = Lock::short(WatchedFolders::new());
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// What is watched in this process.
struct WatchedFolders {
    folders: Option<FolderWatch>,
    /// Whether a thread has taken `folders` out, to work on them without the lock.
    is_out: bool,
    /// Folders that are to be watched.
    wanted: Vec<PathBuf>,
    /// When the folders were looked at.
    scanned: Option<Instant>,
}

impl WatchedFolders {
    const fn new() -> Self {
        Self {
            folders: None,
            is_out: false,
            wanted: Vec::new(),
            scanned: None,
        }
    }

    /// Whether there is something to do for a thread with the GIL that may wait for a disk.
    fn has_work(&self) -> bool {
        let is_late = self.scanned.is_none_or(|at| at.elapsed() >= LATE);
        let must_ask = |folders: &FolderWatch| is_late || !folders.is_of(process_id());
        !self.wanted.is_empty() || self.folders.as_ref().is_some_and(must_ask)
    }

    /// Takes the folders out, with those that are to be watched, unless another thread has.
    fn take(&mut self) -> Option<(FolderWatch, Vec<PathBuf>)> {
        if self.is_out {
            return None;
        }
        self.is_out = true;
        let folders = self.folders.take().unwrap_or_default();
        Some((folders, std::mem::take(&mut self.wanted)))
    }

    /// As `take`, for a look at all of them.
    fn take_for_look(&mut self) -> Option<(FolderWatch, Vec<PathBuf>)> {
        let taken = self.take()?;
        self.scanned = Some(Instant::now());
        Some(taken)
    }
}

/// Works on the folders that were taken out, and puts them back. Called without the lock and without the GIL.
fn work(mut folders: FolderWatch, work: impl FnOnce(&mut FolderWatch)) {
    work(&mut folders);
    let failure = folders.news();
    let mut watch = WATCH.lock();
    watch.folders = Some(folders);
    watch.is_out = false;
    drop(watch);
    if let Some(text) = failure {
        About::Nothing.log(Level::Info, &text);
    }
}

/// Looks at all folders, and has those watched that are `wanted`. As [`work`].
fn look_at_all(folders: FolderWatch, wanted: Vec<PathBuf>) {
    work(folders, |folders| {
        // Files of folders that were not watched when these were read may have changed unnoticed.
        let is_late = !wanted.is_empty();
        folders.add(wanted, process_id());
        let has_changed = folders.scan();
        if has_changed || is_late {
            DOUBTS.fetch_add(1, Ordering::Relaxed);
        }
        if has_changed {
            // A folder that has appeared may have what an import did not find.
            CHANGES.fetch_add(1, Ordering::Relaxed);
        }
    });
}

/// Looks at the folders if that is due and someone looks for changes. Called by a thread that is about to take the GIL.
pub fn look_at_folders() {
    if !IS_WANTED.load(Ordering::Relaxed) || !is_due(&NEXT_SCAN, START.elapsed(), SCAN) {
        return;
    }
    let taken = WATCH.lock().take_for_look();
    if let Some((folders, wanted)) = taken {
        look_at_all(folders, wanted);
    }
}

/// Has a folder watched from now on, before its files are read, so that each later change is known. Where another
/// thread keeps the folders for long, or nobody looks for changes yet, a later look does it, and looks at the files
/// again. Called with the GIL, which it lets go of.
pub fn watch(py: Python<'_>, folder: &Path) {
    WATCH.lock().wanted.push(folder.to_owned());
    if !IS_WANTED.load(Ordering::Relaxed) {
        return;
    }
    for _ in 0..TRIES {
        let mut watch = WATCH.lock();
        if !watch.is_out && !watch.wanted.iter().any(|one| one == folder) {
            return;
        }
        let taken = watch.take();
        drop(watch);
        match taken {
            Some((folders, wanted)) => {
                release(py, || {
                    work(folders, |folders| folders.add(wanted, process_id()))
                });
            }
            None => release(py, || thread::sleep(TRY)),
        }
    }
    // Who has taken it may be late.
    WATCH.lock().wanted.push(folder.to_owned());
}

/// What one interpreter knows of changes. All functions are called with the GIL.
#[derive(Default)]
pub struct SourceChanges {
    /// When the next looks are due, in microseconds since `START`.
    next_look: AtomicU64,
    next_scan: AtomicU64,
    /// The doubts when the files were looked at; 0 if there are others.
    doubts: AtomicU64,
}

impl SourceChanges {
    /// The number of changes; never 0. A request that finds it as it was uses the modules that it had.
    pub fn known(&self, py: Python<'_>) -> u64 {
        let now = START.elapsed();
        if is_due(&self.next_look, now, LOOK) {
            self.look(py, now);
        }
        CHANGES.load(Ordering::Relaxed)
    }

    /// Has the next look look at the files.
    pub fn doubt(&self) {
        self.doubts.store(0, Ordering::Relaxed);
    }

    #[cold]
    fn look(&self, py: Python<'_>, now: Duration) {
        IS_WANTED.store(true, Ordering::Relaxed);
        let mut watch = WATCH.lock();
        let mut has_changed = watch
            .folders
            .as_mut()
            .is_some_and(|folders| folders.read(process_id()));
        let taken = match watch.has_work() {
            true => watch.take_for_look(),
            false => None,
        };
        drop(watch);
        if let Some((folders, wanted)) = taken {
            release(py, || look_at_all(folders, wanted));
        }
        let is_told = {
            let watch = WATCH.lock();
            watch.wanted.is_empty() && watch.folders.as_ref().is_none_or(FolderWatch::is_told)
        };
        let scans = !is_told && is_due(&self.next_scan, now, SCAN);
        let doubts = DOUBTS.load(Ordering::Relaxed);
        if self.doubts.swap(doubts, Ordering::Relaxed) != doubts || scans {
            // Where that fails, all may have changed.
            has_changed |= have_changed(py).unwrap_or(true);
        }
        if has_changed {
            CHANGES.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Whether a file is being written at this moment; `None` if the kernel does not tell of its folder, or has not told
/// all, and does not tell us who has the file open. `is_empty`: whether nothing is in it. Called with the GIL, which it
/// lets go of.
pub fn is_written(py: Python<'_>, path: &Path, is_empty: bool) -> Option<bool> {
    let told = is_told_to_be_written(path, is_empty);
    match told {
        Some(true) => told,
        _ => release(py, || has_writers(path)).or(told),
    }
}

/// As far as changes in the folder say.
fn is_told_to_be_written(path: &Path, is_empty: bool) -> Option<bool> {
    let mut watch = WATCH.lock();
    if watch.is_out {
        // Not known right now: the caller asks again.
        return Some(true);
    }
    let folders = watch.folders.as_mut()?;
    if folders.read(process_id()) {
        CHANGES.fetch_add(1, Ordering::Relaxed);
    }
    folders.is_written(path, is_empty)
}

/// Whether a look is due; if so, the next one is `pause` later.
fn is_due(next: &AtomicU64, now: Duration, pause: Duration) -> bool {
    let (now, due) = (now.as_micros() as u64, next.load(Ordering::Relaxed));
    let later = now + pause.as_micros() as u64;
    now >= due
        && next
            .compare_exchange(due, later, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
}

/// Whether the file of a module of this interpreter is another one than the module in use was made of.
///
/// # Errors
/// Whatever Python raises.
pub fn have_changed(py: Python<'_>) -> PyResult<bool> {
    let sources = py.import("mod_python._sources")?;
    sources.call_method0("have_changed")?.extract()
}
