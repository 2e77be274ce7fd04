//! Network interfaces under QEMU: each backend starts, and the machine survives the end of a backend.

use crate::bench::{Bench, Folder, bench_guest, config};
use oriel_vmm_api::{Link, Network, RateLimit, RunState};
use std::fs;
use std::time::{Duration, Instant};

/// Returns the process identifiers of this process's passt children that still run.
fn passts() -> Vec<i32> {
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

#[test]
fn a_machine_outlives_its_passt() {
    let folder = Folder::new();
    let mut wanted = config(&folder, bench_guest(), "scene=echo size=800x600");
    let network = |last: u8, link| Network {
        mac: format!("52:54:00:00:00:{last:02x}"),
        link,
        limit: RateLimit::default(),
    };
    wanted.networks =
        vec![network(1, Link::Passt { egress: Default::default() }), network(2, Link::Isolated)];
    let bench = Bench::start_with(folder, &wanted).unwrap();
    let first = bench.wait("passt", |_| passts().pop());
    // SAFETY: kill takes no pointers; the process is a child that nobody has reaped.
    assert_eq!(unsafe { libc::kill(first, libc::SIGKILL) }, 0);
    bench.wait("another passt", |_| passts().into_iter().find(|process| *process != first));
    assert_eq!(bench.machine.state(), RunState::Running);
    let ready = |bench: &Bench| fs::read_to_string(bench.folder.0.join("serial.log")).unwrap_or_default();
    bench.wait("the guest", |bench| ready(bench).contains("ready").then_some(()));
    drop(bench);
    let start = Instant::now();
    while !passts().is_empty() {
        assert!(start.elapsed() < Duration::from_secs(60), "passt outlives the machine");
        std::thread::yield_now();
    }
}
