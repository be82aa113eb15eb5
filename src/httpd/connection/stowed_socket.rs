//! A socket that is stowed: it is open, and no descriptor of this process refers to it. In its place there is one of a
//! store, which is writable once the socket has been taken out.
//!
//! The kernel keeps what a message carries (`SCM_RIGHTS`) until somebody receives it. A store is one end of a pair of Unix
//! sockets; a message that it has not read yet carries the socket, and the other end, so that there is no descriptor of
//! that either. What the store has sent, the other end never reads: so the store cannot send more, until the other end
//! goes. Where the store is closed, all of it goes.

use std::io;
use std::mem::zeroed;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use super::poller::checked;

/// How many bytes fill the send buffer of a store, which is as small as the kernel allows (4.5 KB, with its own records).
const FILL: usize = 1024;
/// The descriptors that a message carries: the socket's, and that of the store's other end.
const CARRIED: usize = 2;

/// Room for the part of a message that carries descriptors, with the alignment of `cmsghdr`.
type Control = [u64; 4];

/// Stows a socket: returns the store. The descriptor of the socket is the caller's still, to be closed.
///
/// # Errors
/// There are no more descriptors for the moment that it takes, or the kernel keeps no more of them in messages
/// (`ETOOMANYREFS`: as many as the limit of descriptors, for all processes of a user).
pub(super) fn stow(socket: RawFd) -> io::Result<OwnedFd> {
    let (store, other) = pair()?;
    fill(&store)?;
    send(&other, [socket, other.as_raw_fd()])?;
    Ok(store)
}

/// Takes the socket out of a store, which is writable from then on. Returns the socket's new descriptor.
///
/// # Errors
/// There are no more descriptors: the socket is in the store still.
pub(super) fn take_out(store: RawFd) -> io::Result<OwnedFd> {
    // The message is looked at first: what it carries and cannot be given a number would be lost.
    let [socket, other] = peek(store)?;
    let mut byte = 0u8;
    // SAFETY: a place for one byte. The kernel drops what else the message has.
    checked(unsafe { libc::recv(store, (&raw mut byte).cast(), 1, libc::MSG_DONTWAIT) } as i32)?;
    drop(other);
    Ok(socket)
}

fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [-1; 2];
    let kind = libc::SOCK_DGRAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: a place for two descriptors.
    checked(unsafe { libc::socketpair(libc::AF_UNIX, kind, 0, ends.as_mut_ptr()) })?;
    Ok(ends.map(owned).into())
}

fn owned(descriptor: RawFd) -> OwnedFd {
    // SAFETY: a descriptor that the kernel has just made for us.
    unsafe { OwnedFd::from_raw_fd(descriptor) }
}

/// Fills the send buffer of a store.
fn fill(store: &OwnedFd) -> io::Result<()> {
    let store = store.as_raw_fd();
    let least = 1i32;
    let (place, size) = ((&raw const least).cast(), size_of_val(&least));
    let (level, name) = (libc::SOL_SOCKET, libc::SO_SNDBUF);
    // SAFETY: a number, and its size.
    checked(unsafe { libc::setsockopt(store, level, name, place, size as libc::socklen_t) })?;
    let zeros = [0u8; FILL];
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    // SAFETY: so many bytes.
    checked(unsafe { libc::send(store, zeros.as_ptr().cast(), FILL, flags) } as i32)?;
    let mut entry = libc::pollfd {
        fd: store,
        events: libc::POLLOUT,
        revents: 0,
    };
    // SAFETY: one entry of ours.
    match checked(unsafe { libc::poll(&raw mut entry, 1, 0) })? {
        0 => Ok(()),
        _ => Err(io::Error::other("the kernel's send buffers are larger")),
    }
}

/// A message of one byte, with room for descriptors. What it refers to outlives it.
fn message(data: &mut libc::iovec, control: &mut Control) -> libc::msghdr {
    // SAFETY: numbers and pointers, which may be zero.
    let mut message: libc::msghdr = unsafe { zeroed() };
    message.msg_iov = data;
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = size_of_val(control) as _;
    message
}

fn one_byte(byte: &mut u8) -> libc::iovec {
    libc::iovec {
        iov_base: (&raw mut *byte).cast(),
        iov_len: 1,
    }
}

fn send(socket: &OwnedFd, carried: [RawFd; CARRIED]) -> io::Result<()> {
    let size = size_of_val(&carried) as u32;
    let (mut byte, mut control) = (0, Control::default());
    let mut data = one_byte(&mut byte);
    let mut message = message(&mut data, &mut control);
    // SAFETY: a computation.
    message.msg_controllen = unsafe { libc::CMSG_SPACE(size) } as _;
    // SAFETY: the message has room for one header and so many bytes.
    let header = unsafe { libc::CMSG_FIRSTHDR(&raw const message) };
    // SAFETY: a computation.
    let length = unsafe { libc::CMSG_LEN(size) };
    let filled = libc::cmsghdr {
        cmsg_len: length as _,
        cmsg_level: libc::SOL_SOCKET,
        cmsg_type: libc::SCM_RIGHTS,
    };
    // SAFETY: the place of the header, in our buffer.
    unsafe { header.write(filled) };
    // SAFETY: the header is in our buffer.
    let place = unsafe { libc::CMSG_DATA(header) };
    // SAFETY: room for so many bytes behind the header.
    unsafe { place.cast::<[RawFd; CARRIED]>().write_unaligned(carried) };
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    // SAFETY: a message of ours, whose parts live.
    checked(unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const message, flags) } as i32)?;
    Ok(())
}

/// New descriptors for what the message of a store carries, which stays in its queue.
fn peek(store: RawFd) -> io::Result<[OwnedFd; CARRIED]> {
    let (mut byte, mut control) = (0, Control::default());
    let mut data = one_byte(&mut byte);
    let mut message = message(&mut data, &mut control);
    let flags = libc::MSG_PEEK | libc::MSG_DONTWAIT | libc::MSG_CMSG_CLOEXEC;
    // SAFETY: a message of ours, whose parts live.
    checked(unsafe { libc::recvmsg(store, &raw mut message, flags) } as i32)?;
    // SAFETY: a message that the kernel has filled.
    let header = unsafe { libc::CMSG_FIRSTHDR(&raw const message) };
    let none = || io::Error::from_raw_os_error(libc::EMFILE);
    // SAFETY: null, or a header that the kernel has written into our buffer.
    let filled = unsafe { header.as_ref() }.ok_or_else(none)?;
    // SAFETY: a computation.
    let before = unsafe { libc::CMSG_LEN(0) } as usize;
    let count = (filled.cmsg_len as usize - before) / size_of::<RawFd>();
    // SAFETY: the header is in our buffer.
    let place = unsafe { libc::CMSG_DATA(header) }.cast::<RawFd>();
    let mut carried = Vec::with_capacity(CARRIED);
    for number in 0..count {
        // SAFETY: within the descriptors that the kernel has written.
        let at = unsafe { place.add(number) };
        // SAFETY: as above.
        carried.push(owned(unsafe { at.read_unaligned() }));
    }
    // With fewer than it carries, those that were made are closed.
    carried.try_into().map_err(|_| none())
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    use super::*;

    fn is_writable(store: &OwnedFd) -> bool {
        let mut entry = libc::pollfd {
            fd: store.as_raw_fd(),
            events: libc::POLLOUT,
            revents: 0,
        };
        // SAFETY: one entry of ours.
        unsafe { libc::poll(&raw mut entry, 1, 0) == 1 }
    }

    #[test]
    fn a_stowed_socket_stays_open_and_its_store_is_writable_when_it_was_taken_out() {
        let (mut peer, socket) = UnixStream::pair().unwrap();
        let store = stow(socket.as_raw_fd()).unwrap();
        drop(socket);
        peer.write_all(b"before").unwrap();
        assert!(!is_writable(&store));
        let mut socket = UnixStream::from(take_out(store.as_raw_fd()).unwrap());
        assert!(is_writable(&store));
        let mut read = [0; 6];
        socket.read_exact(&mut read).unwrap();
        assert_eq!(&read, b"before");
        assert!(take_out(store.as_raw_fd()).is_err(), "it has none any more");
        drop(socket);
        assert_eq!(peer.read(&mut read).unwrap(), 0);
    }

    #[test]
    fn with_its_store_a_stowed_socket_is_closed() {
        let (mut peer, socket) = UnixStream::pair().unwrap();
        let store = stow(socket.as_raw_fd()).unwrap();
        drop(socket);
        drop(store);
        assert_eq!(peer.read(&mut [0]).unwrap(), 0);
    }
}
