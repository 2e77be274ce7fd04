//! Monitors of one desktop: its screens, their layout, the requests of viewers for other screens, and the
//! desktop's audio.

mod layout;
mod layout_state;

use crate::audio::Sound;

use crate::held_inputs::SharedInputs;
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

/// Shortest time between two requests for other screens to the guest, because a mode change makes the display
/// blink.
const MIN_REQUEST_INTERVAL: Duration = Duration::from_millis(200);

/// Callback with the screens that the guest is to have, each with its position; `None` for a screen that is
/// off.
type Hook = Box<dyn Fn(&[Option<MonitorConfig>]) + Send + Sync>;

/// Screens of one desktop, with their layout and the desktop's audio.
pub struct Monitors {
    screens: Vec<Arc<Screen>>,
    /// Encode group of each screen.
    encode_groups: Vec<Arc<EncodeGroup>>,
    state: Mutex<State>,
    /// Signalled when the requested layout changed, for the thread that applies it.
    changed: Condvar,
    hooks: Mutex<Vec<Arc<Hook>>>,
    /// Audio of the desktop; empty without a sound card.
    sound: OnceLock<Arc<Sound>>,
    /// Keys and buttons that viewers hold down.
    held_inputs: Arc<SharedInputs>,
}

/// State of the monitors under its lock.
struct State {
    /// Requests of viewers, and the layout that follows from them.
    layout_state: LayoutState,
    /// Layout that the guest was last requested to show.
    requested: Vec<Option<MonitorConfig>>,
    /// Time of that request.
    requested_at: Option<Instant>,
    /// Position of each screen's part in a shared picture.
    scanout_offsets: Vec<Option<(u32, u32)>>,
    /// True while a thread applies the layout.
    applying: bool,
}

impl Monitors {
    /// Creates `count` dark screens (1 to [`MAX_SCREENS`]), of which the guest is requested to show the first
    /// with `size`.
    pub fn new(count: usize, size: Size) -> Arc<Self> {
        Self::with((0..count.clamp(1, MAX_SCREENS)).map(|_| Screen::new()).collect(), size)
    }

    /// Creates the monitors of a desktop with a single existing screen.
    pub fn single(screen: Arc<Screen>) -> Arc<Self> {
        let size = screen.size().unwrap_or_default();
        Self::with(vec![screen], size)
    }

    /// Creates the monitors of given screens.
    fn with(screens: Vec<Arc<Screen>>, size: Size) -> Arc<Self> {
        let layout_state = LayoutState::new(screens.len(), MonitorConfig::of(size));
        let scanout_offsets = vec![None; screens.len()];
        let state = State {
            requested: layout_state.screens(),
            layout_state,
            requested_at: None,
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
            held_inputs: Arc::default(),
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

    /// Returns the screens of the desktop, in the order of their numbers.
    pub fn screens(&self) -> &[Arc<Screen>] {
        &self.screens
    }

    /// Returns the keys and buttons that viewers hold down.
    pub(crate) fn held_inputs(&self) -> &Arc<SharedInputs> {
        &self.held_inputs
    }

    /// Returns the encode group of a screen; `None` beyond the last screen.
    pub(crate) fn encode_group(&self, screen: usize) -> Option<&Arc<EncodeGroup>> {
        self.encode_groups.get(screen)
    }

    /// Returns the rectangle of each screen on the whole desktop in pixels; empty for a dark screen.
    pub fn layout(&self) -> Vec<Rect> {
        let state = self.state.lock();
        let states = self.screens.iter().zip(&state.scanout_offsets).zip(&state.requested);
        let states: Vec<MonitorState> = states
            .map(|((screen, part_at), requested)| MonitorState {
                size: screen.size(),
                part_at: *part_at,
                requested: *requested,
            })
            .collect();
        layout::lay_out(&states)
    }

    /// Converts a position on one screen (0 is the first pixel, 65535 the last) to fractions of the whole
    /// desktop, as in [`oriel_wire::InputEvent::PointerTo`]. While the screen is dark, the position is
    /// returned unchanged.
    pub fn locate(&self, screen: usize, x: u16, y: u16) -> (u16, u16) {
        layout::locate(&self.layout(), screen, x, y).unwrap_or((x, y))
    }

    /// Sets the positions of screens that show parts of one shared picture; `None` for screens with a picture
    /// of their own. Called by the graphics device.
    pub fn set_scanout_offsets(&self, scanout_offsets: impl IntoIterator<Item = Option<(u32, u32)>>) {
        let mut parts: Vec<_> = scanout_offsets.into_iter().collect();
        parts.resize(self.screens.len(), None);
        let differ = std::mem::replace(&mut self.state.lock().scanout_offsets, parts.clone()) != parts;
        if differ {
            self.layout_changed();
        }
    }

    /// Requests exactly these screens, overriding the requests of viewers.
    pub fn request_layout(self: &Arc<Self>, screens: &[MonitorConfig]) {
        self.state.lock().layout_state.set(screens);
        self.apply_layout();
    }

    /// Registers a callback for requests of other screens to the guest, at most five times a second; the last
    /// request is always among them. The callback runs on a thread of its own and may block.
    pub fn on_layout_request(&self, hook: impl Fn(&[Option<MonitorConfig>]) + Send + Sync + 'static) {
        let mut hooks = self.hooks.lock();
        hooks.push(Arc::new(Box::new(hook)));
    }

    /// Adds a viewer that may send input, showing `screen`; its requests count until the guard is dropped.
    pub fn join(self: &Arc<Self>, viewer: u32, screen: usize) -> LayoutClient {
        self.state.lock().layout_state.joined(viewer, screen);
        LayoutClient { monitors: Arc::clone(self), viewer }
    }

    /// Adds a sound card and returns the desktop's audio; repeated calls return the same.
    pub fn add_sound(&self) -> Arc<Sound> {
        self.sound.get_or_init(Sound::new).clone()
    }

    /// Returns the desktop's audio; `None` without a sound card.
    pub fn sound(&self) -> Option<&Arc<Sound>> {
        self.sound.get()
    }

    /// Sets the keyboard LEDs of all screens, as [`Screen::set_leds`].
    pub fn set_leds(&self, leds: u8) {
        self.screens.iter().for_each(|screen| screen.set_leds(leds));
    }

    /// Reports that the guest can see an input, as [`Screen::input_reached_guest`], whichever screen it came
    /// from.
    pub fn input_reached_guest(&self, id: InputId) {
        self.screens.iter().for_each(|screen| screen.input_reached_guest(id));
    }

    /// Returns the number of viewers over all screens.
    pub fn viewers(&self) -> usize {
        self.screens.iter().map(|screen| screen.viewers()).sum()
    }

    /// Closes all screens because the machine has stopped: viewers receive `reason` (one plain sentence) and
    /// end.
    pub fn close(&self, reason: &str) {
        self.screens.iter().for_each(|screen| screen.close(reason));
    }

    /// Returns the counters of all screens, summed, and of the audio, keyed by metric name.
    pub fn counters(&self) -> BTreeMap<String, u64> {
        let mut sum = BTreeMap::new();
        for (name, value) in self.screens.iter().flat_map(|screen| screen.counters().snapshot()) {
            *sum.entry(name).or_insert(0) += value;
        }
        sum.extend(self.sound().iter().flat_map(|sound| sound.counters().snapshot()));
        sum
    }

    /// Reports to all screens that the layout changed.
    fn layout_changed(&self) {
        self.screens.iter().for_each(|screen| screen.layout_changed());
    }

    /// Starts a thread that applies the requested layout, unless one is running.
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
            Err(error) => tracing::warn!(%error, "a thread to change the screens could not be started"),
        }
    }

    /// Passes changes of the layout to the guest until there are none; body of the thread.
    fn run_layout(&self) {
        let mut state = self.state.lock();
        loop {
            let now = Instant::now();
            let off_at = state.layout_state.switch_off_unused(now);
            let wanted = state.layout_state.screens();
            let due = state.requested_at.map_or(now, |then| then + MIN_REQUEST_INTERVAL);
            let look_at = match (wanted != state.requested, off_at) {
                (true, _) if due <= now => {
                    state.requested.clone_from(&wanted);
                    state.requested_at = Some(now);
                    drop(state);
                    self.call_hooks(&wanted);
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

    /// Calls the callbacks with the requested screens.
    fn call_hooks(&self, wanted: &[Option<MonitorConfig>]) {
        let hooks = self.hooks.lock().clone();
        hooks.iter().for_each(|hook| hook(wanted));
        // The positions of screens may follow from the request.
        self.layout_changed();
    }
}

/// Viewer that may send input and request screens; dropping it withdraws its requests.
pub struct LayoutClient {
    monitors: Arc<Monitors>,
    viewer: u32,
}

impl LayoutClient {
    /// Requests other screens for the viewer.
    pub fn request(&self, request: LayoutRequest) {
        self.monitors.state.lock().layout_state.requested(self.viewer, request, Instant::now());
        self.monitors.apply_layout();
    }

    /// Records input of the viewer: its request applies again, unless the viewer whose request applies was
    /// active lately.
    pub fn acted(&self) {
        let mut state = self.monitors.state.lock();
        state.layout_state.acted(self.viewer, Instant::now());
        let differs = state.layout_state.screens() != state.requested;
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
        let (send, requests) = mpsc::channel();
        monitors.on_layout_request(move |screens| send.send(screens.to_vec()).unwrap());
        let client = monitors.join(1, 0);
        let begun = Instant::now();
        let wanted = |width| MonitorConfig::of(Size::new(width, 600));
        for width in 1001..=1300 {
            client.request(vec![Some(MonitorChange::On(wanted(width)))]);
            std::thread::sleep(Duration::from_millis(1));
        }
        let mut changes = 0;
        loop {
            changes += 1;
            let screens = requests.recv_timeout(Duration::from_secs(30)).unwrap();
            if screens == [Some(wanted(1300)), None] {
                break;
            }
        }
        let most = begun.elapsed().as_millis() / MIN_REQUEST_INTERVAL.as_millis() + 1;
        assert!(changes <= most, "{changes} changes, {most} allowed");
        client.request(vec![Some(MonitorChange::On(wanted(1300)))]);
        drop(client);
        assert!(requests.recv_timeout(Duration::from_millis(50)).is_err(), "nothing new is no change");
    }
}
