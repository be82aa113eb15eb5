//! How many bytes the peer of a TCP socket has taken and sent, as the kernel counts them.

use std::os::fd::RawFd;

use super::Connection;

/// The place of `tcpi_bytes_acked` in the kernel's `struct tcp_info`, which is part of its interface (Linux 4.1). Behind it
/// is `tcpi_bytes_received`. libc's structure ends before them.
const BYTES_ACKED: usize = 120;

/// How many bytes the peer has acknowledged and sent. `None` where the kernel does not tell. The descriptor is open.
pub(super) fn bytes_moved(socket: RawFd) -> Option<u64> {
    let mut info = [0u8; BYTES_ACKED + 16];
    let mut length = size_of_val(&info) as libc::socklen_t;
    let (level, name) = (libc::IPPROTO_TCP, libc::TCP_INFO);
    let place = info.as_mut_ptr().cast();
    // SAFETY: an open descriptor, and a place for so many bytes.
    if unsafe { libc::getsockopt(socket, level, name, place, &raw mut length) } != 0 {
        return None;
    }
    let (_, counts) = info[..length as usize].split_at_checked(BYTES_ACKED)?;
    let (acknowledged, received) = counts.split_first_chunk()?;
    let (received, _) = received.split_first_chunk()?;
    Some(u64::from_ne_bytes(*acknowledged).wrapping_add(u64::from_ne_bytes(*received)))
}

impl Connection {
    /// How many bytes the peer has acknowledged and sent. 0 where the kernel does not tell.
    pub fn bytes_moved(&self) -> u64 {
        self.descriptor().and_then(bytes_moved).unwrap_or_default()
    }
}
