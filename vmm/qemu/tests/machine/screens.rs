//! Changes of the screens' sizes, and a second screen.

use crate::bench::{Bench, Folder, bench_guest, config};
use oriel_wire::{MonitorConfig, Size};

fn sizes(bench: &Bench) -> Vec<Option<Size>> {
    bench.monitors.screens().iter().map(|screen| screen.size()).collect()
}

fn set_monitors(bench: &Bench, screens: &[Size]) {
    bench.monitors.request_layout(&screens.iter().copied().map(MonitorConfig::of).collect::<Vec<_>>());
    let mut all: Vec<Option<Size>> = screens.iter().copied().map(Some).collect();
    all.resize(bench.monitors.screens().len(), None);
    bench.wait(&format!("screens of {all:?}"), |bench| (sizes(bench) == all).then_some(()));
}

#[test]
fn screens_change_come_and_go() {
    let folder = Folder::new();
    let mut config = config(&folder, bench_guest(), "scene=idle screens=2 size=1024x768");
    config.screens = 3;
    let bench = Bench::start_with(folder, &config).unwrap();
    bench.wait("the guest's screen", |bench| {
        (sizes(bench) == [Some(Size::new(1024, 768)), None, None]).then_some(())
    });
    set_monitors(&bench, &[Size::new(1280, 720)]);
    set_monitors(&bench, &[Size::new(1280, 720), Size::new(640, 480)]);
    let layout = bench.monitors.layout();
    assert_eq!((layout[1].x, layout[1].y), (1280, 0));
    set_monitors(&bench, &[Size::new(800, 600)]);
    set_monitors(&bench, &[Size::new(800, 600), Size::new(801, 603)]);
}
