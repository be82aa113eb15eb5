//! The folders of Python modules, and what the kernel tells of changes in them (inotify).

#![expect(unsafe_code, reason = "asks for the kind of a file system")]

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ffi::{CString, OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use inotify::{Event, EventMask, Inotify, WatchDescriptor, WatchMask};

/// After a file was written and not closed, it counts as being written for so long.
pub const WRITTEN: Duration = Duration::from_secs(30);
/// After a file was made, it counts as being written for so long, even if it is not empty: a link to one may be all.
const MADE: Duration = Duration::from_millis(50);
/// The kernel does not tell who had a file open when a folder began to be watched. After this time nobody writes it.
const UNTOLD: Duration = Duration::from_secs(2);
/// File systems on which other machines, or a program, can change files without the kernel's knowing: 9p, AFS, Ceph,
/// CIFS, Coda, FUSE, NFS, SMB, SMB2, and the shared folders of VirtualBox.
const REMOTE: [u32; 10] = [
    0x0102_1997,
    0x5346_414f,
    0x00c3_6400,
    0xff53_4d42,
    0x7375_7245,
    0x6573_5546,
    0x0000_6969,
    0x0000_517b,
    0xfe53_4d42,
    0x786f_4256,
];

/// The folders that are watched.
#[derive(Default)]
pub struct FolderWatch {
    /// The process that has asked the kernel; 0 for none. A forked process shares the answers, and must ask anew.
    process: u32,
    inotify: Option<Inotify>,
    folders: HashMap<PathBuf, Folder>,
    /// Files that are being written, and those that were closed not long ago.
    written: HashMap<(WatchDescriptor, OsString), Writing>,
    /// When the kernel had to leave out what it had to tell.
    lost: Option<Instant>,
    /// What is to be said of the kernel's refusal.
    news: Option<String>,
    /// Whether it was said.
    is_said: bool,
}

/// The writing of a file.
struct Writing {
    /// Until when it is assumed that nobody has closed it; a time that is past if somebody has.
    until: Instant,
    /// The same for a file that is not empty.
    until_with_text: Instant,
    /// Whether the times or rights of the file were changed after it was written last.
    has_new_times: bool,
    /// Whether the kernel has told of it. If not, the file may be closed or open.
    is_told: bool,
}

impl Writing {
    fn new(until: Instant, until_with_text: Instant) -> Self {
        Self {
            until,
            until_with_text,
            has_new_times: false,
            is_told: true,
        }
    }

    /// What follows when somebody closes the file: `touch` closes one that another process goes on to write. Programs
    /// that copy the times of a file do the same with their own, which is an old file then.
    fn closed(before: Option<&Self>, now: Instant) -> Self {
        let is_untold = before.is_some_and(|one| one.until > now && one.has_new_times);
        let until = if is_untold { now + UNTOLD } else { now };
        Self {
            is_told: !is_untold,
            ..Self::new(until, until)
        }
    }
}

#[derive(Default)]
struct Folder {
    /// Device and inode; `None` if it is not there.
    id: Option<(u64, u64)>,
    /// `None` if the kernel does not tell of changes.
    descriptor: Option<WatchDescriptor>,
    /// When the kernel was asked.
    since: Option<Instant>,
    /// Whether the kernel knows of all changes, so that asking it makes sense.
    is_local: bool,
}

impl FolderWatch {
    /// Takes what the kernel has noted; returns whether a file of Python code, or a folder, has changed. Waits for
    /// nothing. `process`: the number of this process; a forked one leaves what is noted to the one that has asked.
    pub fn read(&mut self, process: u32) -> bool {
        let mut has_changed = false;
        if self.process != process {
            return false;
        }
        let mut buffer = [0; 4096];
        while let Some(inotify) = &mut self.inotify {
            let Ok(events) = inotify.read_events(&mut buffer) else {
                break;
            };
            let events: Vec<_> = events.map(|event| event.to_owned()).collect();
            if events.is_empty() {
                break;
            }
            for event in events {
                has_changed |= self.note(event);
            }
        }
        has_changed
    }

    /// Notes an event; returns whether it is a change.
    fn note(&mut self, event: Event<OsString>) -> bool {
        let has = |flags| event.mask.intersects(flags);
        if has(EventMask::Q_OVERFLOW) {
            let now = Instant::now();
            self.lost = Some(now);
            self.written.retain(|_, one| one.until > now);
            return true;
        }
        if has(EventMask::IGNORED | EventMask::DELETE_SELF | EventMask::MOVE_SELF) {
            for folder in self.folders.values_mut() {
                if folder.descriptor.as_ref() == Some(&event.wd) {
                    // The next scan asks for what has this path then.
                    *folder = Folder::default();
                }
            }
            if let (Some(inotify), false) = (&self.inotify, has(EventMask::IGNORED)) {
                // It may be gone already.
                let _ = inotify.watches().remove(event.wd);
            }
            return true;
        }
        let Some(name) = event.name else {
            return false;
        };
        if has(EventMask::ISDIR) {
            return name != "__pycache__";
        }
        if !is_code(&name) {
            return false;
        }
        let file = (event.wd, name);
        let now = Instant::now();
        let until = now + WRITTEN;
        if has(EventMask::MODIFY) {
            self.written.insert(file, Writing::new(until, until));
            return false;
        }
        if has(EventMask::CREATE) {
            // Who has made it writes it next. A link has its text from the start.
            let made = Writing::new(until, now + MADE);
            match self.written.entry(file) {
                Entry::Occupied(mut entry) if entry.get().until <= now => *entry.get_mut() = made,
                entry => drop(entry.or_insert(made)),
            }
        } else if has(EventMask::ATTRIB) {
            if let Some(writing) = self.written.get_mut(&file) {
                writing.has_new_times = true;
            }
        } else if has(EventMask::CLOSE_WRITE) {
            let closed = Writing::closed(self.written.get(&file), now);
            self.written.insert(file, closed);
        } else {
            // It was renamed, or is gone.
            self.written.insert(file, Writing::new(now, now));
        }
        true
    }

    /// Adds folders. May wait for a disk. `process`: the number of this process.
    pub fn add(&mut self, wanted: Vec<PathBuf>, process: u32) {
        if self.process != process {
            self.process = process;
            self.inotify = None;
            self.written.clear();
        }
        if self.inotify.is_none() {
            match Inotify::init() {
                Ok(inotify) => self.inotify = Some(inotify),
                Err(error) => self.refused(&error),
            }
            for folder in self.folders.values_mut() {
                folder.descriptor = None;
            }
        }
        for path in wanted {
            let watched = self.watched(&path);
            self.folders.insert(path, watched);
        }
    }

    /// Looks whether the folders are still those that are watched. Returns whether they are not, so that files may have
    /// changed unnoticed. May wait for a disk.
    pub fn scan(&mut self) -> bool {
        let mut has_changed = false;
        let now = Instant::now();
        self.written.retain(|_, one| one.until + UNTOLD > now);
        let has_inotify = self.inotify.is_some();
        let is_to_ask = |path: &PathBuf, folder: &Folder| {
            let is_untold = folder.is_local && folder.descriptor.is_none();
            id(path) != folder.id || (is_untold && has_inotify && folder.id.is_some())
        };
        let folders = self.folders.iter();
        let paths: Vec<_> = folders
            .filter(|(path, folder)| is_to_ask(path, folder))
            .map(|(path, _)| path.clone())
            .collect();
        for path in paths {
            let watched = self.watched(&path);
            let before = self.folders.get(&path).and_then(|folder| folder.id);
            has_changed |= watched.id != before || watched.descriptor.is_some();
            self.folders.insert(path, watched);
        }
        has_changed
    }

    /// A folder as it is now, of whose changes the kernel tells from now on.
    fn watched(&mut self, path: &Path) -> Folder {
        let mask = WatchMask::ATTRIB
            | WatchMask::CLOSE_WRITE
            | WatchMask::CREATE
            | WatchMask::DELETE
            | WatchMask::DELETE_SELF
            | WatchMask::MODIFY
            | WatchMask::MOVE
            | WatchMask::MOVE_SELF
            | WatchMask::ONLYDIR;
        let (id, is_local) = (id(path), !is_remote(path));
        let asked = match &self.inotify {
            Some(inotify) if id.is_some() && is_local => Some(inotify.watches().add(path, mask)),
            _ => None,
        };
        let descriptor = match asked {
            Some(Err(error)) => {
                self.refused(&error);
                None
            }
            asked => asked.and_then(Result::ok),
        };
        Folder {
            id,
            descriptor,
            since: Some(Instant::now()),
            is_local,
        }
    }

    fn refused(&mut self, error: &io::Error) {
        if std::mem::replace(&mut self.is_said, true) {
            return;
        }
        self.news = Some(format!(
            "the kernel does not tell of changed Python files (inotify: {error}): they are looked at instead, some \
             times a second"
        ));
    }

    /// What is to be logged, once.
    pub fn news(&mut self) -> Option<String> {
        self.news.take()
    }

    /// Whether the kernel tells of changes in all of the folders that are there.
    pub fn is_told(&self) -> bool {
        let folders = self.folders.values();
        folders
            .filter(|folder| folder.id.is_some())
            .all(|folder| folder.descriptor.is_some())
    }

    /// Whether this process has asked the kernel.
    pub fn is_of(&self, process: u32) -> bool {
        self.process == process
    }

    /// Whether a file is being written; `None` if the kernel does not tell of its folder, or has not told all that was
    /// done with the file in the last seconds. `is_empty`: whether nothing is in it.
    pub fn is_written(&self, path: &Path, is_empty: bool) -> Option<bool> {
        let folder = self.folders.get(path.parent()?)?;
        let descriptor = folder.descriptor.clone()?;
        let name = path.file_name()?.to_owned();
        let now = Instant::now();
        let Some(writing) = self.written.get(&(descriptor, name)) else {
            let since = folder.since.max(self.lost)?;
            return (now >= since + UNTOLD).then_some(false);
        };
        let until = match is_empty {
            true => writing.until,
            false => writing.until_with_text,
        };
        match until > now {
            true => writing.is_told.then_some(true),
            false => Some(false),
        }
    }
}

/// Device and inode of a folder; `None` if it is not there.
fn id(path: &Path) -> Option<(u64, u64)> {
    let data = std::fs::metadata(path).ok()?;
    Some((data.dev(), data.ino()))
}

/// Whether a file of this name may be Python code, or the link `..data` by which Kubernetes swaps all files of a folder.
fn is_code(name: &OsStr) -> bool {
    let name = name.as_bytes();
    name.ends_with(b".py") || name.ends_with(b".pyc") || name == b"..data"
}

/// Whether a file or folder is on a file system whose files change without the kernel's knowing.
pub fn is_remote(path: &Path) -> bool {
    let Ok(path) = CString::new(path.as_os_str().as_bytes()) else {
        return false;
    };
    // SAFETY: numbers, for which zeroes are valid.
    let mut system: libc::statfs = unsafe { std::mem::zeroed() };
    // SAFETY: a C string, and a place for the answer.
    let failed = unsafe { libc::statfs(path.as_ptr(), &raw mut system) };
    failed == 0 && REMOTE.contains(&(system.f_type as u32))
}
