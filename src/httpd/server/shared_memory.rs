//! Memory that all children share: the parent maps it while it reads a configuration, the children that it
//! forks then inherit it, and it is unmapped with the configuration.

use std::ffi::c_void;
use std::ops::Deref;
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::AtomicU64;

/// A value in shared memory. All of it that changes is atomic.
pub struct Shared<T>(NonNull<T>);

// SAFETY: `T` is `Sync`, and its memory stays until the value is dropped.
unsafe impl<T: Sync> Sync for Shared<T> {}

impl<T: Sync + Default> Default for Shared<T> {
    fn default() -> Self {
        let place: NonNull<T> = mapped(size_of::<T>()).cast();
        // SAFETY: fresh memory of the size, on the border of a page.
        unsafe { place.write(T::default()) };
        Self(place)
    }
}

/// Fresh memory that forked processes share, on the border of a page.
fn mapped(bytes: usize) -> NonNull<c_void> {
    let (protection, kind) = (
        libc::PROT_READ | libc::PROT_WRITE,
        libc::MAP_SHARED | libc::MAP_ANONYMOUS,
    );
    // SAFETY: a mapping of its own, at an address that the kernel chooses.
    let place = unsafe { libc::mmap(null_mut(), bytes, protection, kind, -1, 0) };
    assert!(place != libc::MAP_FAILED, "no shared memory");
    NonNull::new(place).expect("the kernel maps nothing at 0")
}

impl<T> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: written in `default`; unmapped only in `drop`.
        unsafe { self.0.as_ref() }
    }
}

impl<T> Drop for Shared<T> {
    fn drop(&mut self) {
        // SAFETY: our mapping, of this size; children have mappings of their own.
        unsafe { libc::munmap(self.0.as_ptr().cast(), size_of::<T>()) };
    }
}

/// Words in shared memory, all of them 0 at first. The kernel gives them memory where they are written.
pub struct SharedWords(NonNull<AtomicU64>, usize);

// SAFETY: the words are atomic, and their memory stays until the value is dropped.
unsafe impl Sync for SharedWords {}
// SAFETY: as above.
unsafe impl Send for SharedWords {}

impl SharedWords {
    /// So many words.
    pub fn new(count: usize) -> Self {
        Self(mapped(count * size_of::<AtomicU64>()).cast(), count)
    }
}

impl Deref for SharedWords {
    type Target = [AtomicU64];

    fn deref(&self) -> &[AtomicU64] {
        // SAFETY: so many words of zeroes were mapped; they are unmapped only in `drop`.
        unsafe { std::slice::from_raw_parts(self.0.as_ptr(), self.1) }
    }
}

impl Drop for SharedWords {
    fn drop(&mut self) {
        // SAFETY: our mapping, of this size; children have mappings of their own.
        unsafe { libc::munmap(self.0.as_ptr().cast(), self.1 * size_of::<AtomicU64>()) };
    }
}

/// Whether a process with this id lives, be it one of another user.
pub fn is_alive(pid: i32) -> bool {
    // SAFETY: signal 0 only asks.
    let answer = unsafe { libc::kill(pid, 0) };
    answer == 0 || std::io::Error::last_os_error().raw_os_error() == Some(libc::EPERM)
}
