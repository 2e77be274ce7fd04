//! The meeting place of one graphics device (which draws) and any number of viewers (who watch).

use crate::counters::Counters;
use crate::inbox::ViewerInbox;
use crate::input::InputId;
use crate::source::{Dark, PixelSource};
use oriel_wire::{CursorImage, Rect, Size};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Instant;

/// Numbers viewers over all screens: one who is known to a device is known to one screen only.
static LAST_VIEWER: AtomicU32 = AtomicU32::new(0);

/// What stands for all of them.
const NO_VIEWER: u32 = 0;

/// Largest side of a [`CursorImage`].
const CURSOR_MAX: u32 = 512;

/// Called with the new size when the scanout's size changes; `None` when it goes dark.
pub type SizeHook = Box<dyn Fn(Option<Size>) + Send + Sync>;

/// The guest's pointer picture.
#[derive(Debug, Clone, Default)]
pub enum Pointer {
    /// The guest never spoke of one: clients draw their own.
    #[default]
    Unset,
    /// The guest hides its pointer.
    Hidden,
    /// The guest's picture.
    Shown(Arc<CursorImage>),
}

/// State of a screen that viewers show.
#[derive(Clone, Default)]
pub struct Showing {
    /// Pixels of the scanout; `None` while the screen is dark.
    pub source: Option<Arc<dyn PixelSource>>,
    /// The last scanout's size; it stays while the screen is dark.
    pub size: Option<Size>,
    /// Image of the guest's pointer.
    pub pointer: Pointer,
    /// Position in pixels of the guest's pointer hotspot.
    pub pointer_at: (u32, u32),
    /// Keyboard LEDs as `LED_*` bits of the wire protocol.
    pub leds: u8,
}

impl Showing {
    /// Where a user's attention is: at their own pointer, given as fractions of the screen, or at
    /// the guest's.
    pub fn looked_at(&self, own: Option<(u16, u16)>) -> (u32, u32) {
        let Size { width, height } = self.size.unwrap_or_default();
        let place = |fraction: u16, side: u32| (u64::from(fraction) * u64::from(side) / 65536) as u32;
        own.map_or(self.pointer_at, |(x, y)| (place(x, width), place(y, height)))
    }

    /// The picture, black while the screen is dark.
    pub fn pixels(&self) -> Arc<dyn PixelSource> {
        self.source.clone().unwrap_or_else(|| Arc::new(Dark(self.size.unwrap_or_default())))
    }
}

#[derive(Default)]
struct State {
    showing: Showing,
    closed: Option<String>,
    inboxes: Vec<Arc<ViewerInbox>>,
}

/// One screen of one desktop. The device side calls the methods below from any thread; none
/// of them blocks for longer than a short lock. What viewers call lives beside them.
#[derive(Default)]
pub struct Screen {
    /// Locked before any subscription's lock, never after.
    state: Mutex<State>,
    /// Subscriptions of viewers.
    viewers: AtomicUsize,
    size_hooks: Mutex<Vec<Arc<SizeHook>>>,
    counters: Counters,
}

impl Screen {
    /// A screen without a scanout or viewers.
    pub fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    /// Shows `source` (all of it is damaged), or nothing.
    pub fn set_scanout(&self, source: Option<Arc<dyn PixelSource>>) {
        let size = source.as_ref().map(|source| source.size());
        let (changed, _dropped_unlocked) = {
            let mut state = self.state.lock();
            let before = state.showing.source.as_ref().and(state.showing.size);
            let old = std::mem::replace(&mut state.showing.source, source);
            state.showing.size = size.or(state.showing.size);
            let whole = state.showing.size.unwrap_or_default().bounds();
            for inbox in &state.inboxes {
                inbox.damaged(whole);
            }
            (before != size, old)
        };
        if changed {
            let hooks = self.size_hooks.lock().clone();
            hooks.iter().for_each(|hook| hook(size));
        }
    }

    /// The device finished drawing within `rect`. A hint of where to look, never trusted for what changed.
    pub fn flush(&self, rect: Rect) {
        let now = Instant::now();
        self.counters.flushes.add(1);
        let state = self.state.lock();
        let rect = rect.intersection(&state.showing.size.unwrap_or_default().bounds());
        for inbox in &state.inboxes {
            inbox.flushed(rect, now);
        }
    }

    /// The guest's pointer picture; `None` hides it. A picture whose bytes do not match its size
    /// or that is larger than 512 by 512 is ignored.
    pub fn set_cursor(&self, cursor: Option<CursorImage>) {
        let pointer = match cursor {
            Some(image) if !is_sound(&image) => {
                tracing::debug!(size = ?image.size, bytes = image.rgba.len(), "ignored a malformed pointer picture");
                return;
            }
            Some(image) if image.size.bounds().is_empty() => Pointer::Hidden,
            Some(image) => Pointer::Shown(Arc::new(image)),
            None => Pointer::Hidden,
        };
        let mut state = self.state.lock();
        state.showing.pointer = pointer;
        state.inboxes.iter().for_each(|inbox| inbox.pointer_changed());
    }

    /// Moves the hotspot of the guest's pointer to a position in pixels.
    pub fn move_cursor(&self, x: u32, y: u32) {
        let mut state = self.state.lock();
        if state.showing.pointer_at != (x, y) {
            state.showing.pointer_at = (x, y);
            state.inboxes.iter().for_each(|inbox| inbox.pointer_moved());
        }
    }

    /// Keyboard lights: bit 0 num lock, bit 1 caps lock, bit 2 scroll lock (as `LED_*`).
    pub fn set_leds(&self, leds: u8) {
        let mut state = self.state.lock();
        if state.showing.leds != leds {
            state.showing.leds = leds;
            state.inboxes.iter().for_each(|inbox| inbox.leds_changed());
        }
    }

    /// The guest can see this input now; the next flush is taken to answer it.
    pub fn input_reached_guest(&self, id: InputId) {
        let now = Instant::now();
        let state = self.state.lock();
        if let Some(inbox) = state.inboxes.iter().find(|one| one.viewer() == id.viewer) {
            inbox.input_reached_guest(id.seq, now);
        }
    }

    /// Number of viewers. Devices pace the guest only while someone does.
    pub fn viewers(&self) -> usize {
        self.viewers.load(Ordering::Relaxed)
    }

    /// The machine is gone: viewers are told `reason` (one plain sentence) and end.
    pub fn close(&self, reason: &str) {
        let mut state = self.state.lock();
        if state.closed.is_none() {
            state.closed = Some(reason.to_owned());
            state.inboxes.iter().for_each(|inbox| inbox.screen_closed(reason));
        }
    }

    /// The scanout's size; `None` while the screen is dark.
    pub fn size(&self) -> Option<Size> {
        let state = self.state.lock();
        state.showing.source.as_ref().and(state.showing.size)
    }

    /// Has `hook` called, on the thread of the graphics device, whenever [`Self::size`] changes.
    pub fn on_size(&self, hook: impl Fn(Option<Size>) + Send + Sync + 'static) {
        let mut hooks = self.size_hooks.lock();
        hooks.push(Arc::new(Box::new(hook)));
    }

    /// Counters over all viewers of the screen.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The screens of the desktop lie otherwise now.
    pub(crate) fn layout_changed(&self) {
        self.state.lock().inboxes.iter().for_each(|inbox| inbox.layout_changed());
    }

    /// State of a screen that viewers show.
    pub fn showing(&self) -> Showing {
        self.state.lock().showing.clone()
    }

    /// Begins to gather damage for a new viewer, all of the screen first; ends with the guard.
    pub fn subscribe(self: &Arc<Self>) -> ScreenSubscription {
        self.viewers.fetch_add(1, Ordering::Relaxed);
        self.subscribe_as(LAST_VIEWER.fetch_add(1, Ordering::Relaxed).wrapping_add(1))
    }

    /// As [`Self::subscribe`], for what viewers share: it is none itself.
    pub(crate) fn subscribe_for_group(self: &Arc<Self>) -> ScreenSubscription {
        self.subscribe_as(NO_VIEWER)
    }

    fn subscribe_as(self: &Arc<Self>, viewer: u32) -> ScreenSubscription {
        let mut state = self.state.lock();
        let inbox = Arc::new(ViewerInbox::new(viewer));
        inbox.damaged(state.showing.size.unwrap_or_default().bounds());
        if let Some(reason) = &state.closed {
            inbox.screen_closed(reason);
        }
        state.inboxes.push(Arc::clone(&inbox));
        ScreenSubscription { screen: Arc::clone(self), inbox }
    }
}

fn is_sound(image: &CursorImage) -> bool {
    let Size { width, height } = image.size;
    width <= CURSOR_MAX
        && height <= CURSOR_MAX
        && u64::try_from(image.rgba.len())
            .is_ok_and(|bytes| bytes == u64::from(width) * u64::from(height) * 4)
}

/// A viewer's place at the screen; dropping it takes the viewer off.
pub struct ScreenSubscription {
    screen: Arc<Screen>,
    inbox: Arc<ViewerInbox>,
}

impl ScreenSubscription {
    /// Inbox in which the screen gathers work for the viewer.
    pub fn inbox(&self) -> &Arc<ViewerInbox> {
        &self.inbox
    }
}

impl Drop for ScreenSubscription {
    fn drop(&mut self) {
        if self.inbox.viewer() != NO_VIEWER {
            self.screen.viewers.fetch_sub(1, Ordering::Relaxed);
        }
        self.screen.state.lock().inboxes.retain(|one| !Arc::ptr_eq(one, &self.inbox));
    }
}
