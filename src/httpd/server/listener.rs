//! Listeners: the sockets on which httpd accepts connections.

use super::Server;
use crate::httpd::ffi;

/// Has connections to these ports accepted when they arrive. By default (`AcceptFilter http data`)
/// Linux holds each back until the client has sent something, which a client whose server speaks
/// first never does.
pub fn accept_at_once(ports: &[u16]) {
    // SAFETY: a plain global of httpd, read on its only thread while it configures itself.
    let mut at = unsafe { ffi::ap_listeners };
    // SAFETY: null at the end of httpd's list.
    while let Some(listener) = unsafe { at.as_ref() } {
        // SAFETY: null or as long-lived as the listener.
        let port = unsafe { listener.bind_addr.as_ref() }.map(|address| address.port);
        if port.is_some_and(|port| ports.contains(&port)) && !listener.sd.is_null() {
            let option = ffi::APR_TCP_DEFER_ACCEPT as i32;
            // SAFETY: the listener's open socket. Where there is no such option, nothing is held back.
            unsafe { ffi::apr_socket_opt_set(listener.sd, option, 0) };
        }
        at = listener.next;
    }
}

/// The ports that httpd listens on.
pub fn ports() -> Vec<u16> {
    let mut ports = Vec::new();
    // SAFETY: as in `accept_at_once`.
    let mut at = unsafe { ffi::ap_listeners };
    // SAFETY: as above.
    while let Some(listener) = unsafe { at.as_ref() } {
        // SAFETY: as above.
        ports.extend(unsafe { listener.bind_addr.as_ref() }.map(|address| address.port));
        at = listener.next;
    }
    ports
}

impl Server {
    /// The first port of its `<VirtualHost>`; for the main server the first one that httpd listens on, and rather one
    /// that no virtual host has.
    pub(super) fn first_port(&self) -> Option<u16> {
        let others: Vec<u16> = match self.is_virtual() {
            true => Vec::new(),
            false => self
                .and_following()
                .skip(1)
                .flat_map(Self::own_ports)
                .collect(),
        };
        let ports = self.ports();
        let mut all = ports.iter().copied().filter(|port| *port != 0);
        all.clone()
            .find(|port| !others.contains(port))
            .or_else(|| all.next())
    }

    /// The ports of its `<VirtualHost>`; 0 for `*`.
    fn own_ports(&self) -> Vec<u16> {
        self.addresses().map(|(_, port)| port).collect()
    }

    /// The ports of its `<VirtualHost>`; those of the main server are all ports that httpd listens on.
    pub fn ports(&self) -> Vec<u16> {
        let mut ports = self.own_ports();
        // `*` stands for any port.
        if ports.is_empty() || ports.contains(&0) {
            ports.extend(self::ports());
        }
        ports
    }
}
