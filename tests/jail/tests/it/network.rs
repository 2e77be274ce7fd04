//! Networks: the host's loopback interface, its others, sockets without a file.

use crate::support::{answers, as_everyone};
use oriel_jail_tests::{Attempt, Without};
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};

#[test]
fn no_network_is_reached() {
    as_everyone(|starter| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let name = format!("oriel-jail-{port}");
        let _abstract = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        let [tcp, away, nameless, interfaces] = answers(
            starter,
            &[Without::Seccomp, Without::Landlock],
            [
                Attempt::ConnectTcp(port),
                Attempt::SendAway,
                Attempt::ConnectAbstract(name),
                Attempt::CountInterfaces,
            ],
        );
        assert_eq!(tcp, Err(libc::ENETUNREACH), "its loopback is its own, and down");
        assert_eq!(away, Err(libc::ENETUNREACH));
        assert_eq!(nameless, Err(libc::ECONNREFUSED));
        assert_eq!(interfaces, Ok(0), "netlink tells of no other interface");
    });
}

#[test]
fn landlock_forbids_connections_once_more() {
    as_everyone(|starter| {
        let [tcp] = answers(starter, &[Without::Seccomp], [Attempt::ConnectTcp(9)]);
        if tcp == Err(libc::ENETUNREACH) {
            return eprintln!("skipped: Landlock knows no networks before Linux 6.7");
        }
        assert_eq!(tcp, Err(libc::EACCES));
    });
}
