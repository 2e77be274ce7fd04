use super::event::{
    BTN_LEFT, BTN_RIGHT, EV_ABS, EV_KEY, EV_LED, EV_REL, EV_SYN, EVENT_LEN, Event, REL_WHEEL,
    REL_WHEEL_HI_RES,
};
use super::*;
use crate::device::{GuestRam, VirtioDevice};
use crate::queue::test_driver::{InterruptLog, Sent, TestDriver, XorShift, activation, ram};
use oriel_display::inbox::Wait;
use oriel_display::input::InputId;
use oriel_display::{InputSink, Screen};
use oriel_wire::{Button, InputEvent, Rect};

const KEY_A: u16 = 30;
const SYN: (u16, u16, i32) = (EV_SYN, 0, 0);

/// Input device and its driver.
struct Bench {
    device: InputDevice,
    events: TestDriver,
    status: TestDriver,
    interrupts: Arc<InterruptLog>,
    available: Vec<Sent>,
}

fn bench(memory: &GuestRam, device: InputDevice, base: u64, buffers: usize) -> Bench {
    let events = TestDriver::new(memory, base, 64);
    let status = TestDriver::new(memory, base + 0x10_0000, 64);
    let mut bench = Bench { device, events, status, interrupts: Arc::default(), available: Vec::new() };
    bench.activate();
    bench.add_buffers(buffers);
    bench
}

impl Bench {
    fn activate(&mut self) {
        let (activation, interrupts) =
            activation(&self.events.memory, &[&self.events, &self.status], self.device.features());
        self.interrupts = interrupts;
        self.device.activate(activation).unwrap();
    }

    /// Adds buffers for events.
    fn add_buffers(&mut self, buffers: usize) {
        for _ in 0..buffers {
            self.available.push(self.events.send(&[], &[EVENT_LEN]));
        }
        self.device.queue_notified(0);
    }

    /// Returns the events that the guest received since the last call.
    fn delivered(&mut self) -> Vec<(u16, u16, i32)> {
        self.device.event(0);
        let used = self.events.used();
        let mut delivered = Vec::new();
        for (head, len) in used {
            assert_eq!(len as usize, EVENT_LEN);
            let at = self.available.iter().position(|sent| sent.head == head).unwrap();
            let bytes = self.events.written(&self.available.remove(at));
            let event = Event::parse(bytes.as_slice().try_into().unwrap()).unwrap();
            delivered.push((event.kind, event.code, event.value));
        }
        delivered
    }

    fn status(&mut self, kind: u16, code: u16, value: i32) {
        let event = Event { kind, code, value }.to_bytes();
        let sent = self.status.send(&[&event], &[]);
        self.device.queue_notified(1);
        assert_eq!(self.status.used(), [(sent.head, 0)]);
    }
}

fn setup(buffers: usize) -> (Arc<InputRouter>, [Bench; 3], Arc<DeviceCounters>) {
    setup_with(&Screen::new(), buffers)
}

fn setup_with(screen: &Arc<Screen>, buffers: usize) -> (Arc<InputRouter>, [Bench; 3], Arc<DeviceCounters>) {
    let memory = ram(8);
    let counters = Arc::new(DeviceCounters::default());
    let InputDevices { router, keyboard, tablet, mouse } =
        InputDevices::new(&oriel_display::Monitors::single(screen.clone()), &counters).unwrap();
    let benches = [
        bench(&memory, keyboard, 0x10_0000, buffers),
        bench(&memory, tablet, 0x30_0000, buffers),
        bench(&memory, mouse, 0x50_0000, buffers),
    ];
    (router, benches, counters)
}

fn id(seq: u32) -> InputId {
    InputId { viewer: 1, seq }
}

#[test]
fn keys_reach_the_keyboard_in_order() {
    let (router, [mut keyboard, mut tablet, _], counters) = setup(16);
    router.input(InputEvent::Key { code: KEY_A, down: true }, id(1));
    router.input(InputEvent::Key { code: KEY_A, down: false }, id(2));
    assert_eq!(keyboard.delivered(), [(EV_KEY, KEY_A, 1), SYN, (EV_KEY, KEY_A, 0), SYN]);
    assert_eq!(keyboard.interrupts.take(), [Some(0)], "one interrupt for the batch");
    assert!(tablet.delivered().is_empty());
    for code in [0, 249, BTN_LEFT, u16::MAX] {
        router.input(InputEvent::Key { code, down: true }, id(3));
    }
    assert!(keyboard.delivered().is_empty());
    assert_eq!(counters.input_dropped.get(), 4);
}

#[test]
fn the_screen_learns_what_reached_the_guest_and_when() {
    let screen = Screen::new();
    let viewer = screen.subscribe();
    let inbox = viewer.inbox();
    let (router, [mut keyboard, ..], _) = setup_with(&screen, 1);
    let input = |seq, down| {
        inbox.input_received(seq, std::time::Instant::now());
        let id = InputId { viewer: inbox.viewer(), seq };
        router.input(InputEvent::Key { code: KEY_A, down }, id);
    };
    // The input that a flush would be taken to answer.
    let answered = || {
        screen.flush(Rect::new(0, 0, 1, 1));
        inbox.wait(|pending| Wait::Take(pending.trace.take().map(|trace| trace.seq)))
    };
    input(1, true);
    keyboard.device.event(0);
    assert_eq!(answered(), None, "its SYN_REPORT is not there yet");
    keyboard.add_buffers(3);
    assert_eq!(answered(), Some(1));
    input(2, false);
    keyboard.device.event(0);
    assert_eq!(answered(), Some(2));
}

#[test]
fn buttons_follow_the_pointer_and_come_up_where_they_went_down() {
    let (router, [_, mut tablet, mut mouse], _) = setup(32);
    let button = |button, down| InputEvent::Button { button, down };
    router.input(InputEvent::PointerTo { x: 65535, y: 0 }, id(1));
    router.input(button(Button::Left, true), id(2));
    router.input(InputEvent::PointerBy { dx: -3, dy: 0 }, id(3));
    router.input(button(Button::Left, false), id(4));
    router.input(button(Button::Right, true), id(5));
    router.input(InputEvent::Wheel { dx: 0, dy: 120 }, id(6));
    assert_eq!(
        tablet.delivered(),
        [(EV_ABS, 0, 32767), (EV_ABS, 1, 0), SYN, (EV_KEY, BTN_LEFT, 1), SYN, (EV_KEY, BTN_LEFT, 0), SYN]
    );
    assert_eq!(
        mouse.delivered(),
        [
            (EV_REL, 0, -3),
            SYN,
            (EV_KEY, BTN_RIGHT, 1),
            SYN,
            (EV_REL, REL_WHEEL_HI_RES, -120),
            (EV_REL, REL_WHEEL, -1),
            SYN
        ]
    );
}

#[test]
fn a_slow_guest_gets_the_newest_place_and_every_key() {
    let (router, [mut keyboard, mut tablet, _], counters) = setup(0);
    for i in 0..1000 {
        router.input(InputEvent::PointerTo { x: i, y: i }, id(1 + u32::from(i)));
    }
    for i in 0..100 {
        router.input(InputEvent::Key { code: KEY_A, down: i % 2 == 0 }, id(2000 + i));
    }
    assert!(tablet.delivered().is_empty());
    // A packet that is cut by the lack of buffers goes on where it was cut.
    tablet.add_buffers(2);
    assert_eq!(tablet.delivered(), [(EV_ABS, 0, 499), (EV_ABS, 1, 499)]);
    tablet.add_buffers(2);
    assert_eq!(tablet.delivered(), [SYN]);
    let mut keys = Vec::new();
    for _ in 0..10 {
        keyboard.add_buffers(20);
        keys.extend(keyboard.delivered().into_iter().filter(|event| *event != SYN));
    }
    let expected: Vec<_> = (0..100).map(|i| (EV_KEY, KEY_A, 1 - i % 2)).collect();
    assert_eq!(keys, expected);
    assert_eq!(counters.input_dropped.get(), 0);
}

#[test]
fn what_was_typed_before_a_reset_is_not_typed_after() {
    let (router, [mut keyboard, ..], counters) = setup(0);
    router.input(InputEvent::Key { code: KEY_A, down: true }, id(1));
    router.input(InputEvent::Key { code: KEY_A, down: false }, id(2));
    keyboard.device.event(0);
    keyboard.device.reset();
    router.input(InputEvent::Key { code: KEY_A, down: true }, id(3));
    router.input(InputEvent::Key { code: KEY_A, down: false }, id(4));
    assert_eq!(counters.input_dropped.get(), 2);
    keyboard.events = TestDriver::new(&keyboard.events.memory, 0x60_0000, 64);
    keyboard.activate();
    keyboard.add_buffers(8);
    assert!(keyboard.delivered().is_empty());
}

#[test]
fn leds_are_applied_and_bad_status_is_returned() {
    let screen = Screen::new();
    let (_, [mut keyboard, ..], counters) = setup_with(&screen, 0);
    for (code, value, leds) in [(1, 1, 0b010), (0, 1, 0b011), (9, 1, 0b011), (1, 0, 0b001)] {
        keyboard.status(EV_LED, code, value);
        keyboard.status(EV_SYN, 0, 0);
        assert_eq!(screen.showing().leds, leds);
    }
    let short = keyboard.status.send(&[b"short"], &[]);
    keyboard.device.queue_notified(1);
    assert_eq!(keyboard.status.used(), [(short.head, 0)]);
    assert_eq!(counters.malformed_chains.get(), 1);
    keyboard.device.reset();
    assert_eq!(screen.showing().leds, 0);
}

#[test]
fn buffers_too_small_for_an_event_cost_no_event() {
    let (router, [mut keyboard, ..], counters) = setup(0);
    let small = keyboard.events.send(&[], &[7]);
    router.input(InputEvent::Key { code: KEY_A, down: true }, id(1));
    keyboard.device.event(0);
    assert_eq!(keyboard.events.used(), [(small.head, 0)]);
    assert_eq!(counters.malformed_chains.get(), 1);
    keyboard.add_buffers(2);
    assert_eq!(keyboard.delivered(), [(EV_KEY, KEY_A, 1), SYN]);
}

#[test]
fn configuration_is_chosen_by_select_and_subsel() {
    let (_, [mut keyboard, ..], _) = setup(0);
    let device = &mut keyboard.device;
    let size = |device: &InputDevice| {
        let mut size = [0];
        device.read_config(2, &mut size);
        size[0]
    };
    assert_eq!(size(device), 0);
    device.write_config(0, &[0x11]);
    device.write_config(1, &[EV_KEY as u8]);
    assert_eq!(size(device), 32);
    device.write_config(0, &[0x01, 0]);
    let mut name = [0xFF; 20];
    device.read_config(8, &mut name);
    assert_eq!(&name, b"Oriel Keyboard\0\0\0\0\0\0");
    device.write_config(u64::MAX, &[1, 2, 3]);
    device.read_config(u64::MAX, &mut name);
    assert_eq!(name, [0; 20]);
}

#[test]
fn garbage_is_always_returned() {
    let mut random = XorShift(0xD1B5_4A32_D192_ED03);
    let (router, [mut keyboard, ..], _) = setup(0);
    for _ in 0..3000 {
        keyboard.events.send_garbage(&mut random);
        keyboard.status.send_garbage(&mut random);
        router.input(InputEvent::Key { code: KEY_A, down: random.below(2) == 0 }, id(1));
        router.input(InputEvent::Key { code: 31, down: random.below(2) == 0 }, id(1));
        keyboard.device.event(0);
        keyboard.device.queue_notified(0);
        keyboard.device.queue_notified(1);
        assert_eq!(keyboard.events.used().len(), 1);
        assert_eq!(keyboard.status.used().len(), 1);
    }
    assert!(!keyboard.device.needs_reset());
}
