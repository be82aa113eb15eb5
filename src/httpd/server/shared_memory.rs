//! Memory that all children share: the parent maps it while it reads a configuration, the children that it
//! forks then inherit it, and it is unmapped with the configuration.

use std::ops::Deref;
use std::ptr::{NonNull, null_mut};

/// A value in shared memory. All of it that changes is atomic.
pub struct Shared<T>(NonNull<T>);

// SAFETY: `T` is `Sync`, and its memory stays until the value is dropped.
unsafe impl<T: Sync> Sync for Shared<T> {}

impl<T: Sync + Default> Default for Shared<T> {
    fn default() -> Self {
        let (protection, kind) = (
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED | libc::MAP_ANONYMOUS,
        );
        // SAFETY: a mapping of its own, at an address that the kernel chooses.
        let place = unsafe { libc::mmap(null_mut(), size_of::<T>(), protection, kind, -1, 0) };
        assert!(place != libc::MAP_FAILED, "no shared memory");
        let place: *mut T = place.cast();
        // SAFETY: fresh memory of the size, on the border of a page.
        unsafe { place.write(T::default()) };
        Self(NonNull::new(place).expect("the kernel maps nothing at 0"))
    }
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

/// Whether a process with this id lives, be it one of another user.
pub fn is_alive(pid: i32) -> bool {
    // SAFETY: signal 0 only asks.
    let answer = unsafe { libc::kill(pid, 0) };
    answer == 0 || std::io::Error::last_os_error().raw_os_error() == Some(libc::EPERM)
}
