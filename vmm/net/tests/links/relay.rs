//! Relay between QEMU and a backend: frames, the rate limit, and a replaced passt process.

use super::dhcp::{discover, offer};
use super::passt::{PROCESSES, kill, processes};
use oriel_net::{NetBackendConfig, Passt, Relay, UnjailedPasst, open_net_backend};
use oriel_virtio::{RateLimit, RateLimiter};
use oriel_vmm_api::Link;
use std::io::{Read, Write};
use std::net::Ipv4Addr;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::mpsc;

/// Socket of the relay that is QEMU's.
struct QemuEnd(UnixStream);

impl QemuEnd {
    fn send(&mut self, frame: &[u8]) {
        self.0.write_all(&(frame.len() as u32).to_be_bytes()).unwrap();
        self.0.write_all(frame).unwrap();
    }

    fn receive(&mut self) -> Vec<u8> {
        let mut length = [0; 4];
        self.0.read_exact(&mut length).unwrap();
        let mut frame = vec![0; u32::from_be_bytes(length) as usize];
        self.0.read_exact(&mut frame).unwrap();
        frame
    }

    fn offered(&mut self, transaction: u32) -> Ipv4Addr {
        self.send(&discover(transaction));
        loop {
            if let Some(address) = offer(&self.receive(), transaction) {
                return address;
            }
        }
    }
}

#[test]
fn a_relay_outlives_the_passt_behind_it() {
    let _alone = PROCESSES.lock();
    let passt = Passt::connect(Arc::new(UnjailedPasst::find().unwrap())).unwrap();
    let (link_sender, link_changes) = mpsc::channel();
    let limiter = RateLimiter::new(RateLimit::default());
    let (relay, near) =
        Relay::start(Box::new(passt), limiter, move |up| link_sender.send(up).unwrap_or_default()).unwrap();
    let mut near = QemuEnd(near.into());
    near.0.set_read_timeout(Some(super::TIMEOUT)).unwrap();
    let address = near.offered(1);
    kill(processes()[0]);
    assert!(!link_changes.recv_timeout(super::TIMEOUT).unwrap(), "the link goes down");
    assert!(link_changes.recv_timeout(super::TIMEOUT).unwrap(), "the link comes up");
    assert_eq!(near.offered(2), address);
    drop(relay);
    assert!(link_changes.recv().is_err());
    assert_eq!(near.0.read(&mut [0; 64]).unwrap(), 0, "nothing of it is left");
}

#[test]
fn a_relay_keeps_its_rate_limit_and_loses_nothing() {
    struct Echo(UnixStream);
    impl oriel_net::BackendConnector for Echo {
        fn connect(&self) -> std::io::Result<std::os::fd::OwnedFd> {
            Ok(self.0.try_clone()?.into())
        }
    }
    let (link, far) = UnixStream::pair().unwrap();
    let passt = Passt::connect(Arc::new(Echo(link))).unwrap();
    let limiter = RateLimiter::new(RateLimit { bytes: None, operations: Some(50) });
    let (_relay, near) = Relay::start(Box::new(passt), limiter, |_| ()).unwrap();
    let (mut near, mut far) = (QemuEnd(near.into()), QemuEnd(far));
    let start = std::time::Instant::now();
    for i in 0..75u8 {
        near.send(&[i; 100]);
    }
    for i in 0..75u8 {
        assert_eq!(far.receive(), [i; 100]);
    }
    far.send(b"and back to the guest");
    assert_eq!(near.receive(), b"and back to the guest");
    // 50 at once, the rest one every 20 ms.
    assert!(start.elapsed().as_millis() >= 500, "{:?}", start.elapsed());
}

#[test]
fn a_backend_is_connected_as_configured() {
    assert!(open_net_backend(&Link::Isolated).unwrap().is_none());
    assert!(!NetBackendConfig::Isolated.connect().unwrap().link_up());
    let error = open_net_backend(&Link::Tap { name: "oriel-absent".into() }).err().unwrap().to_string();
    assert!(error.contains("ip tuntap add dev oriel-absent"), "{error}");
}
