use super::*;
use crate::input::InputId;
use crate::redirection::RedirectionHub;
use crate::screen::ScreenSubscription;
use oriel_wire::{Button, Size};
use parking_lot::Mutex;
use std::sync::Arc;

/// Left Shift (linux/input-event-codes.h).
const SHIFT: u16 = 42;

/// Machine that records what its input devices would get.
#[derive(Default)]
struct Recorder(Mutex<Vec<InputEvent>>);

impl InputSink for Recorder {
    fn input(&self, event: InputEvent, _: InputId) {
        self.0.lock().push(event);
    }
}

impl Recorder {
    /// Takes the events so far.
    fn take(&self) -> Vec<InputEvent> {
        std::mem::take(&mut self.0.lock())
    }
}

/// Desktop with viewers.
struct Desktop {
    monitors: Arc<Monitors>,
    machine: Recorder,
    redirection: Arc<RedirectionHub>,
}

impl Desktop {
    fn new() -> Self {
        let monitors = Monitors::new(1, Size::new(320, 200));
        Self { monitors, machine: Recorder::default(), redirection: RedirectionHub::new() }
    }

    fn subscribe(&self) -> ScreenSubscription {
        self.monitors.screens()[0].subscribe()
    }

    fn reader<'a>(&'a self, viewer: &'a ScreenSubscription) -> Reader<'a> {
        let inbox = viewer.inbox();
        Reader {
            monitors: &self.monitors,
            screen: &self.monitors.screens()[0],
            shown: 0,
            inbox,
            input: &self.machine,
            layout_client: Some(self.monitors.join(inbox.viewer(), 0)),
            channel: self.redirection.join(inbox, true),
            audio: AudioStreams::new(None, inbox.clone()),
            held: HeldInputs::new(Arc::clone(self.monitors.held_inputs())),
            last_seq: 0,
        }
    }
}

fn send(reader: &mut Reader<'_>, event: InputEvent) {
    reader.dispatch(ClientMessage::Input { seq: 1, event }, Instant::now());
}

const fn shift(down: bool) -> InputEvent {
    InputEvent::Key { code: SHIFT, down }
}

const fn left(down: bool) -> InputEvent {
    InputEvent::Button { button: Button::Left, down }
}

#[test]
fn a_key_is_released_when_no_viewer_holds_it() {
    let desktop = Desktop::new();
    let (one, two) = (desktop.subscribe(), desktop.subscribe());
    let (mut one, mut two) = (desktop.reader(&one), desktop.reader(&two));
    for press in [shift, left] {
        send(&mut one, press(true));
        send(&mut two, press(true));
        desktop.machine.take();
        send(&mut one, press(false));
        assert_eq!(desktop.machine.take(), [], "the other viewer holds it");
        send(&mut two, press(false));
        assert_eq!(desktop.machine.take(), [press(false)]);

        send(&mut one, press(true));
        send(&mut one, press(true));
        desktop.machine.take();
        send(&mut two, press(false));
        assert_eq!(desktop.machine.take(), [], "a viewer that holds nothing releases nothing");
        one.dispatch(ClientMessage::ReleaseAll { seq: 2 }, Instant::now());
        assert_eq!(desktop.machine.take(), [press(false)]);
    }
}

#[test]
fn a_viewer_that_leaves_releases_what_no_other_holds() {
    let desktop = Desktop::new();
    let (one, two) = (desktop.subscribe(), desktop.subscribe());
    let (mut one, mut two) = (desktop.reader(&one), desktop.reader(&two));
    send(&mut one, shift(true));
    send(&mut one, left(true));
    send(&mut two, shift(true));
    desktop.machine.take();
    let (near, far) = UnixStream::pair().unwrap();
    drop(far);
    one.run(near);
    assert_eq!(desktop.machine.take(), [left(false)]);
    send(&mut two, shift(false));
    assert_eq!(desktop.machine.take(), [shift(false)]);
}

#[test]
fn of_too_many_acknowledgements_the_newest_are_kept() {
    let desktop = Desktop::new();
    let viewer = desktop.subscribe();
    let mut reader = desktop.reader(&viewer);
    let count = MAX_QUEUED_REQUESTS as u32 + 10;
    for frame_id in 1..=count {
        reader.dispatch(ClientMessage::Ack { frame_id, decode_us: 0, present_us: 0 }, Instant::now());
    }
    let mut frames = Vec::new();
    viewer.inbox().request(|requests| frames.extend(requests.acks.iter().map(|ack| ack.frame_id)));
    let kept: Vec<u32> = (11..=count).collect();
    assert_eq!(frames, kept);
}
