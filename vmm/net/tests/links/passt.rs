//! passt(1) as a backend: addresses by DHCP, restarts, and failed reconnections.

use super::dhcp::{discover, offer};
use super::{frame, until};
use oriel_net::{BackendConnector, Passt, UnjailedPasst, installed_passt};
use oriel_virtio::net::{Backend, Header};
use parking_lot::Mutex;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Lock that serialises the tests which search for child processes.
pub static PROCESSES: Mutex<()> = Mutex::new(());

/// Returns the process identifiers of this process's passt children that still run.
pub fn processes() -> Vec<i32> {
    let of_ours = |stat: &str| {
        // number (name) state parent …
        let (number, rest) = stat.split_once(" (")?;
        let (name, rest) = rest.rsplit_once(") ")?;
        let mut words = rest.split_ascii_whitespace();
        let (state, parent) = (words.next()?, words.next()?);
        let ours = name.starts_with("passt") && state != "Z" && parent == std::process::id().to_string();
        ours.then(|| number.parse().unwrap())
    };
    fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| of_ours(&fs::read_to_string(entry.ok()?.path().join("stat")).ok()?))
        .collect()
}

pub fn kill(process: i32) {
    // SAFETY: kill takes no pointers; the process is a child that nobody has reaped.
    assert_eq!(unsafe { libc::kill(process, libc::SIGKILL) }, 0);
}

#[test]
fn passt_offers_an_address_and_its_successor_does_so_too() {
    let _alone = PROCESSES.lock();
    assert!(installed_passt().is_some(), "install the package passt");
    let mut passt = Passt::connect(Arc::new(UnjailedPasst::find().unwrap())).unwrap();
    assert!(passt.link_up());
    passt.send(&Header::default(), &discover(1));
    let address = frame("offer", &mut passt, |bytes| offer(bytes, 1));
    assert!(!address.is_unspecified());

    let before = processes();
    assert_eq!(before.len(), 1);
    kill(before[0]);
    until("loss of the link", &mut passt, |passt| (!passt.link_up()).then_some(()));
    // Frames that the guest sends meanwhile are lost, and that is all.
    passt.send(&Header::default(), &discover(2));
    until("new link", &mut passt, |passt| passt.link_up().then_some(()));
    passt.send(&Header::default(), &discover(3));
    assert_eq!(frame("second offer", &mut passt, |bytes| offer(bytes, 3)), address);

    let after = processes();
    assert!(after.len() == 1 && after != before, "{before:?} {after:?}");
    drop(passt);
    let start = std::time::Instant::now();
    while !processes().is_empty() {
        assert!(start.elapsed() < super::TIMEOUT, "passt outlives its link");
        std::thread::yield_now();
    }
}

/// Connector that connects once, fails twice, then connects again; keeps the peers of the sockets.
struct UnreliableConnector {
    attempts: AtomicUsize,
    far: Mutex<Vec<UnixStream>>,
}

impl BackendConnector for UnreliableConnector {
    fn connect(&self) -> io::Result<OwnedFd> {
        match self.attempts.fetch_add(1, Ordering::SeqCst) {
            1 | 2 => Err(io::ErrorKind::ConnectionRefused.into()),
            _ => {
                let (near, far) = UnixStream::pair()?;
                self.far.lock().push(far);
                Ok(near.into())
            }
        }
    }
}

#[test]
fn a_failed_reconnection_is_repeated() {
    let connector = Arc::new(UnreliableConnector { attempts: AtomicUsize::new(0), far: Mutex::default() });
    let mut passt = Passt::connect(connector.clone()).unwrap();
    connector.far.lock().clear();
    until("loss of the link", &mut passt, |passt| (!passt.link_up()).then_some(()));
    until("new link", &mut passt, |passt| passt.link_up().then_some(()));
    assert_eq!(connector.attempts.load(Ordering::SeqCst), 4);
}

#[test]
fn a_full_link_has_room_once_its_peer_reads() {
    use std::io::Read;
    let connector = Arc::new(UnreliableConnector { attempts: AtomicUsize::new(0), far: Mutex::default() });
    let mut passt = Passt::connect(connector.clone()).unwrap();
    let mut count = 0;
    while passt.has_room() {
        passt.send(&Header::default(), &[7; 60_000]);
        count += 1;
    }
    let mut far = connector.far.lock().pop().unwrap();
    let reader = std::thread::spawn(move || {
        let mut all = vec![0; count * 60_004];
        far.read_exact(&mut all).unwrap();
        (all, far)
    });
    until("room", &mut passt, |passt| passt.has_room().then_some(()));
    let (all, _far) = reader.join().unwrap();
    assert!(
        all.chunks(60_004).all(|frame| frame[..4] == 60_000u32.to_be_bytes() && frame[4..] == [7; 60_000])
    );
    // A frame that passt cannot take is lost, and the stream stays in step.
    passt.send(&Header::default(), &[8; 65_536]);
    assert!(passt.has_room() && passt.link_up());
}
