//! All screens of one desktop: their pictures, where they lie, and who may change them; and its sound.

mod layout;
mod layout_state;

use crate::audio::Sound;

use crate::input::InputId;
use crate::screen::Screen;
use crate::shared_encode::EncodeGroup;
use layout::MonitorState;
use layout_state::LayoutState;
use oriel_wire::{LayoutRequest, MAX_SCREENS, MonitorConfig, Rect, Size};
use parking_lot::{Condvar, Mutex};
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

/// The guest is asked for other screens this often at most: a mode change costs it a blink.
const MIN_REQUEST_INTERVAL: Duration = Duration::from_millis(200);

/// Called with the screens that the guest is to have, each where it is to lie.
type Hook = Box<dyn Fn(&[Option<MonitorConfig>]) + Send + Sync>;

/// All screens of one desktop, and the desktop's sound card.
pub struct Monitors {
    screens: Vec<Arc<Screen>>,
    encode_groups: Vec<Arc<EncodeGroup>>,
    state: Mutex<State>,
    /// The plan changed; the thread that carries it out looks.
    changed: Condvar,
    hooks: Mutex<Vec<Arc<Hook>>>,
    sound: OnceLock<Arc<Sound>>,
}

struct State {
    layout_state: LayoutState,
    /// What the guest was last asked for, and when.
    asked: Vec<Option<MonitorConfig>>,
    asked_at: Option<Instant>,
    scanout_offsets: Vec<Option<(u32, u32)>>,
    /// Somebody sees to it that the plan is carried out.
    applying: bool,
}

impl Monitors {
    /// `count` dark screens (1 to [`MAX_SCREENS`]), the first of which the guest was asked to draw
    /// with `size`.
    pub fn new(count: usize, size: Size) -> Arc<Self> {
        Self::with((0..count.clamp(1, MAX_SCREENS)).map(|_| Screen::new()).collect(), size)
    }

    /// The monitors of a desktop with a single screen.
    pub fn single(screen: Arc<Screen>) -> Arc<Self> {
        let size = screen.size().unwrap_or_default();
        Self::with(vec![screen], size)
    }

    fn with(screens: Vec<Arc<Screen>>, size: Size) -> Arc<Self> {
        let layout_state = LayoutState::new(screens.len(), MonitorConfig::of(size));
        let scanout_offsets = vec![None; screens.len()];
        let state = State {
            asked: layout_state.screens(),
            layout_state,
            asked_at: None,
            scanout_offsets,
            applying: false,
        };
        let encode_groups = screens.iter().map(|screen| EncodeGroup::new(Arc::clone(screen))).collect();
        let monitors = Arc::new(Self {
            screens,
            encode_groups,
            state: Mutex::new(state),
            changed: Condvar::new(),
            hooks: Mutex::default(),
            sound: OnceLock::new(),
        });
        for screen in &monitors.screens {
            let monitors: Weak<Self> = Arc::downgrade(&monitors);
            screen.on_size(move |_| {
                if let Some(monitors) = monitors.upgrade() {
                    monitors.layout_changed();
                }
            });
        }
        monitors
    }

    /// Screens of the desktop, in the order of their numbers.
    pub fn screens(&self) -> &[Arc<Screen>] {
        &self.screens
    }

    /// Where viewers of a screen share their encode.
    pub(crate) fn encode_group(&self, screen: usize) -> Option<&Arc<EncodeGroup>> {
        self.encode_groups.get(screen)
    }

    /// Rectangle of each screen on the whole desktop; empty for a dark screen.
    pub fn layout(&self) -> Vec<Rect> {
        let state = self.state.lock();
        let states = self.screens.iter().zip(&state.scanout_offsets).zip(&state.asked);
        let states: Vec<MonitorState> = states
            .map(|((screen, part_at), asked)| MonitorState {
                size: screen.size(),
                part_at: *part_at,
                asked: *asked,
            })
            .collect();
        layout::lay_out(&states)
    }

    /// A place on one screen (0 is its first pixel, 65535 its last one) as fractions of the whole
    /// desktop, as [`oriel_wire::InputEvent::PointerTo`] has them. While the screen is dark, a place on
    /// it is taken for one on the whole.
    pub fn locate(&self, screen: usize, x: u16, y: u16) -> (u16, u16) {
        layout::locate(&self.layout(), screen, x, y).unwrap_or((x, y))
    }

    /// The device tells where the pictures of several screens lie in one that they share;
    /// `None` for screens with a picture of their own.
    pub fn set_scanout_offsets(&self, scanout_offsets: impl IntoIterator<Item = Option<(u32, u32)>>) {
        let mut parts: Vec<_> = scanout_offsets.into_iter().collect();
        parts.resize(self.screens.len(), None);
        let differ = std::mem::replace(&mut self.state.lock().scanout_offsets, parts.clone()) != parts;
        if differ {
            self.layout_changed();
        }
    }

    /// Wants exactly these screens, whatever viewers want.
    pub fn request_layout(self: &Arc<Self>, screens: &[MonitorConfig]) {
        self.state.lock().layout_state.set(screens);
        self.apply_layout();
    }

    /// Has `hook` called whenever the guest is to have other screens, at most 5 times a second, with
    /// the last request always among them. It may block for a while, and is called on no device's thread.
    pub fn on_layout_request(&self, hook: impl Fn(&[Option<MonitorConfig>]) + Send + Sync + 'static) {
        let mut hooks = self.hooks.lock();
        hooks.push(Arc::new(Box::new(hook)));
    }

    /// A place for a viewer who may act at `screen`; it ends with the guard.
    pub fn join(self: &Arc<Self>, viewer: u32, screen: usize) -> LayoutClient {
        self.state.lock().layout_state.joined(viewer, screen);
        LayoutClient { monitors: Arc::clone(self), viewer }
    }

    /// There is a sound card: this is what it plays to and records from.
    pub fn add_sound(&self) -> Arc<Sound> {
        self.sound.get_or_init(Sound::new).clone()
    }

    /// The desktop's sound; `None` without a sound card.
    pub fn sound(&self) -> Option<&Arc<Sound>> {
        self.sound.get()
    }

    /// Keyboard lights, as [`Screen::set_leds`].
    pub fn set_leds(&self, leds: u8) {
        self.screens.iter().for_each(|screen| screen.set_leds(leds));
    }

    /// The guest can see this input now; as [`Screen::input_reached_guest`], whichever screen it came from.
    pub fn input_reached_guest(&self, id: InputId) {
        self.screens.iter().for_each(|screen| screen.input_reached_guest(id));
    }

    /// Number of viewers over all screens.
    pub fn viewers(&self) -> usize {
        self.screens.iter().map(|screen| screen.viewers()).sum()
    }

    /// The machine is gone: viewers are told `reason` (one plain sentence) and end.
    pub fn close(&self, reason: &str) {
        self.screens.iter().for_each(|screen| screen.close(reason));
    }

    /// Counters of all screens and of the sound card, by name.
    pub fn counters(&self) -> BTreeMap<String, u64> {
        let mut sum = BTreeMap::new();
        for (name, value) in self.screens.iter().flat_map(|screen| screen.counters().snapshot()) {
            *sum.entry(name).or_insert(0) += value;
        }
        sum.extend(self.sound().iter().flat_map(|sound| sound.counters().snapshot()));
        sum
    }

    fn layout_changed(&self) {
        self.screens.iter().for_each(|screen| screen.layout_changed());
    }

    /// Sees to it that the plan is carried out: by a thread that lives while there is something to do.
    fn apply_layout(self: &Arc<Self>) {
        self.changed.notify_all();
        let mut state = self.state.lock();
        if state.applying {
            return;
        }
        let monitors = Arc::clone(self);
        let spawned = std::thread::Builder::new().name("screens".into()).spawn(move || monitors.run_layout());
        match spawned {
            Ok(_) => state.applying = true,
            Err(error) => tracing::warn!(%error, "no thread to change the screens with"),
        }
    }

    fn run_layout(&self) {
        let mut state = self.state.lock();
        loop {
            let now = Instant::now();
            let off_at = state.layout_state.switch_off_unused(now);
            let wanted = state.layout_state.screens();
            let due = state.asked_at.map_or(now, |then| then + MIN_REQUEST_INTERVAL);
            let look_at = match (wanted != state.asked, off_at) {
                (true, _) if due <= now => {
                    state.asked.clone_from(&wanted);
                    state.asked_at = Some(now);
                    drop(state);
                    self.ask_guest(&wanted);
                    state = self.state.lock();
                    continue;
                }
                (true, _) => due,
                (false, Some(off_at)) => off_at,
                (false, None) => break,
            };
            let left = look_at.saturating_duration_since(now);
            self.changed.wait_for(&mut state, left);
        }
        state.applying = false;
    }

    fn ask_guest(&self, wanted: &[Option<MonitorConfig>]) {
        let hooks = self.hooks.lock().clone();
        hooks.iter().for_each(|hook| hook(wanted));
        // Where screens lie may follow from what was asked for.
        self.layout_changed();
    }
}

/// A viewer who may act, at one screen of a desktop.
pub struct LayoutClient {
    monitors: Arc<Monitors>,
    viewer: u32,
}

impl LayoutClient {
    /// The viewer wants the screens to be like this.
    pub fn ask(&self, request: LayoutRequest) {
        self.monitors.state.lock().layout_state.asked(self.viewer, request, Instant::now());
        self.monitors.apply_layout();
    }

    /// The viewer gave input: their request counts again, if nobody else's does.
    pub fn acted(&self) {
        let mut state = self.monitors.state.lock();
        state.layout_state.acted(self.viewer, Instant::now());
        let differs = state.layout_state.screens() != state.asked;
        drop(state);
        if differs {
            self.monitors.apply_layout();
        }
    }
}

impl Drop for LayoutClient {
    fn drop(&mut self) {
        self.monitors.state.lock().layout_state.left(self.viewer, Instant::now());
        self.monitors.apply_layout();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use oriel_wire::MonitorChange;
    use std::sync::mpsc;

    #[test]
    fn a_flood_of_requests_becomes_few_changes_and_the_last_is_among_them() {
        let monitors = Monitors::new(2, Size::new(1000, 600));
        let (tell, told) = mpsc::channel();
        monitors.on_layout_request(move |screens| tell.send(screens.to_vec()).unwrap());
        let client = monitors.join(1, 0);
        let begun = Instant::now();
        let wanted = |width| MonitorConfig::of(Size::new(width, 600));
        for width in 1001..=1300 {
            client.ask(vec![Some(MonitorChange::On(wanted(width)))]);
            std::thread::sleep(Duration::from_millis(1));
        }
        let mut changes = 0;
        loop {
            changes += 1;
            let screens = told.recv_timeout(Duration::from_secs(30)).unwrap();
            if screens == [Some(wanted(1300)), None] {
                break;
            }
        }
        let most = begun.elapsed().as_millis() / MIN_REQUEST_INTERVAL.as_millis() + 1;
        assert!(changes <= most, "{changes} changes, {most} allowed");
        client.ask(vec![Some(MonitorChange::On(wanted(1300)))]);
        drop(client);
        assert!(told.recv_timeout(Duration::from_millis(50)).is_err(), "nothing new is no change");
    }
}
