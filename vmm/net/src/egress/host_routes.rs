//! The host's ways to addresses, asked of its kernel (rtnetlink(7)) and remembered until they change.
//!
//! A socket belongs to the network namespace in which it was made. The supervisor makes both sockets on the
//! host and hands them to the filter, which has no network itself.

use super::policy::Route;
use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, bind, recv, send, socket_with,
};
use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::os::fd::OwnedFd;

/// Groups of notifications about links, addresses, routes and rules (`RTMGRP_…`, linux/rtnetlink.h).
const CHANGES: u32 = 0x1 | 0x10 | 0x40 | 0x80 | 0x100 | 0x400;

/// Maximum number of remembered addresses; a guest decides which.
const MAX_REMEMBERED: usize = 4096;

/// Type of a request for a route and of its answer (`RTM_GETROUTE`, `RTM_NEWROUTE`).
const GET_ROUTE: u16 = 26;
const NEW_ROUTE: u16 = 24;
/// Flag of a request (`NLM_F_REQUEST`).
const REQUEST: u16 = 1;
/// Attribute with the destination (`RTA_DST`).
const DESTINATION: u16 = 1;
/// Types of a route to another host, and to the host itself (`RTN_UNICAST`, `RTN_LOCAL`).
const UNICAST: u8 = 1;
const LOCAL: u8 = 2;

/// Length of a message's header (`struct nlmsghdr`) and of a route's (`struct rtmsg`) in bytes.
const HEADER_LEN: usize = 16;
const ROUTE_LEN: usize = 12;

/// The host's routes.
pub struct HostRoutes {
    requests: OwnedFd,
    changes: OwnedFd,
    sequence: u32,
    remembered: HashMap<IpAddr, Route>,
}

impl HostRoutes {
    /// Opens the sockets in the network namespace of the caller: for requests, and for notifications.
    ///
    /// # Errors
    /// When the kernel refuses the sockets.
    pub fn open_sockets() -> io::Result<[OwnedFd; 2]> {
        let socket = |groups| -> io::Result<OwnedFd> {
            // Protocol 0 is NETLINK_ROUTE.
            let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)?;
            bind(&socket, &SocketAddrNetlink::new(0, groups))?;
            Ok(socket)
        };
        Ok([socket(0)?, socket(CHANGES)?])
    }

    /// Takes over sockets from [`Self::open_sockets`].
    pub fn new([requests, changes]: [OwnedFd; 2]) -> Self {
        Self { requests, changes, sequence: 0, remembered: HashMap::new() }
    }

    /// Forgets all routes if any has changed since the last call, and returns whether it did.
    pub fn forget_changed(&mut self) -> bool {
        let mut changed = false;
        loop {
            match recv(&self.changes, &mut [0u8; 4096], RecvFlags::DONTWAIT) {
                Ok(_) | Err(Errno::NOBUFS) => changed = true,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                // Without notifications, nothing may be remembered.
                Err(_) => {
                    changed = true;
                    break;
                }
            }
        }
        if changed {
            self.remembered.clear();
        }
        changed
    }

    /// Returns the host's way to an address. What cannot be asked has none.
    pub(super) fn route(&mut self, address: IpAddr) -> Route {
        if let Some(route) = self.remembered.get(&address) {
            return *route;
        }
        let Ok(route) = self.ask(address) else { return Route::None };
        if self.remembered.len() >= MAX_REMEMBERED {
            self.remembered.clear();
        }
        self.remembered.insert(address, route);
        route
    }

    /// Asks the kernel for a route.
    fn ask(&mut self, address: IpAddr) -> io::Result<Route> {
        self.sequence = self.sequence.wrapping_add(1);
        send(&self.requests, &request(address, self.sequence), SendFlags::empty())?;
        loop {
            let mut answer = [0u8; 4096];
            let (length, _) =
                rustix::io::retry_on_intr(|| recv(&self.requests, &mut answer, RecvFlags::empty()))?;
            if let Some(route) = parse(answer.get(..length).unwrap_or_default(), self.sequence) {
                return Ok(route);
            }
        }
    }
}

/// Returns a request for the route to an address.
fn request(address: IpAddr, sequence: u32) -> Vec<u8> {
    let (family, octets) = match address {
        IpAddr::V4(v4) => (libc::AF_INET as u8, v4.octets().to_vec()),
        IpAddr::V6(v6) => (libc::AF_INET6 as u8, v6.octets().to_vec()),
    };
    let attribute_len = 4 + octets.len() as u16;
    let total = HEADER_LEN as u32 + ROUTE_LEN as u32 + u32::from(attribute_len);
    let mut message = Vec::new();
    message.extend(total.to_ne_bytes());
    message.extend(GET_ROUTE.to_ne_bytes());
    message.extend(REQUEST.to_ne_bytes());
    message.extend(sequence.to_ne_bytes());
    message.extend([0; 4]); // port of the sender
    message.extend([family, octets.len() as u8 * 8]);
    message.extend([0; ROUTE_LEN - 2]);
    message.extend(attribute_len.to_ne_bytes());
    message.extend(DESTINATION.to_ne_bytes());
    message.extend(octets);
    message
}

/// Reads the answer to the request with this sequence number; `None` if it is of another request.
fn parse(answer: &[u8], sequence: u32) -> Option<Route> {
    let number = u32::from_ne_bytes(*answer.get(8..)?.first_chunk()?);
    if number != sequence {
        return None;
    }
    let kind = u16::from_ne_bytes(*answer.get(4..)?.first_chunk()?);
    // An answer of another kind is an error, such as that the network is unreachable.
    Some(match (kind, answer.get(HEADER_LEN + 7)) {
        (NEW_ROUTE, Some(&LOCAL)) => Route::Local,
        (NEW_ROUTE, Some(&UNICAST)) => Route::Unicast,
        _ => Route::None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes() -> HostRoutes {
        HostRoutes::new(HostRoutes::open_sockets().unwrap())
    }

    #[test]
    fn the_kernel_tells_the_host_s_own_addresses() {
        let mut routes = routes();
        for own in ["127.0.0.1", "127.1.2.3"] {
            assert_eq!(routes.route(own.parse().unwrap()), Route::Local, "{own}");
            assert_eq!(routes.route(own.parse().unwrap()), Route::Local, "{own}, remembered");
        }
        assert_ne!(routes.route("203.0.113.9".parse().unwrap()), Route::Local);
        assert_ne!(routes.route("2001:db8::9".parse().unwrap()), Route::Local);
        assert_ne!(routes.route("255.255.255.255".parse().unwrap()), Route::Unicast);
        for i in 0..MAX_REMEMBERED as u32 * 2 {
            routes.route(std::net::Ipv4Addr::from_bits(0x7F00_0000 | i).into());
        }
        assert!(routes.remembered.len() <= MAX_REMEMBERED);
    }

    #[test]
    fn answers_to_other_requests_are_passed_over() {
        let mut answer = [0u8; 28];
        answer[4..6].copy_from_slice(&NEW_ROUTE.to_ne_bytes());
        answer[8..12].copy_from_slice(&7u32.to_ne_bytes());
        answer[HEADER_LEN + 7] = UNICAST;
        assert_eq!(parse(&answer, 7), Some(Route::Unicast));
        assert_eq!(parse(&answer, 8), None);
        answer[4] = 2;
        assert_eq!(parse(&answer, 7), Some(Route::None), "an error");
        assert_eq!(parse(&answer[..10], 7), None);
    }
}
