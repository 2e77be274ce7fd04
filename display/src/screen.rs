//! Screen: connects one graphics device, which publishes the scanout, with any number of viewers.
//!
//! The device sets scanout, cursor and LEDs and reports flushes; each viewer subscribes and finds damage in
//! its inbox. Pixels are read by the viewers, not here.

use crate::counters::Counters;
use crate::inbox::ViewerInbox;
use crate::input::InputId;
use crate::source::{Dark, PixelSource};
use oriel_wire::{CursorImage, Rect, Size};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Instant;

/// Last number given to a viewer; numbers are unique over all screens of the process.
static LAST_VIEWER: AtomicU32 = AtomicU32::new(0);

/// Viewer number of an encode group's subscription.
const NO_VIEWER: u32 = 0;

/// Largest side of a [`CursorImage`] in pixels.
const CURSOR_MAX: u32 = 512;

/// Callback for a change of the scanout's size; `None` when the screen goes dark.
pub type SizeHook = Box<dyn Fn(Option<Size>) + Send + Sync>;

/// Cursor of the guest.
#[derive(Debug, Clone, Default)]
pub enum Pointer {
    /// The guest has set no cursor; clients draw their own.
    #[default]
    Unset,
    /// The guest hides the cursor.
    Hidden,
    /// The guest shows this image.
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
    /// Returns the position in pixels of the user's attention: the client's pointer, given as fractions (0 to
    /// 65535) of the screen, or else the guest's cursor.
    pub fn looked_at(&self, own: Option<(u16, u16)>) -> (u32, u32) {
        let Size { width, height } = self.size.unwrap_or_default();
        let place = |fraction: u16, side: u32| (u64::from(fraction) * u64::from(side) / 65536) as u32;
        own.map_or(self.pointer_at, |(x, y)| (place(x, width), place(y, height)))
    }

    /// Returns the source of pixels: the scanout, or black while the screen is dark.
    pub fn pixels(&self) -> Arc<dyn PixelSource> {
        self.source.clone().unwrap_or_else(|| Arc::new(Dark(self.size.unwrap_or_default())))
    }
}

#[derive(Default)]
/// State of a screen under its lock.
struct State {
    showing: Showing,
    /// Reason for which the machine stopped.
    closed: Option<String>,
    /// Inboxes of all subscriptions.
    inboxes: Vec<Arc<ViewerInbox>>,
}

/// One screen of a desktop, shared by the graphics device and viewers. The device's methods may be called
/// from any thread and block only for a short lock.
#[derive(Default)]
pub struct Screen {
    /// Locked before any subscription's lock, never after.
    state: Mutex<State>,
    /// Number of subscriptions, without those of encode groups.
    viewers: AtomicUsize,
    size_hooks: Mutex<Vec<Arc<SizeHook>>>,
    counters: Counters,
}

impl Screen {
    /// Creates a dark screen without viewers.
    pub fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    /// Sets the scanout, all of which is damaged; `None` makes the screen dark. Size callbacks run on the
    /// calling thread.
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

    /// Reports that the device finished drawing within `rect`, in pixels. Viewers compare the pixels there,
    /// so the rectangle is only a hint.
    pub fn flush(&self, rect: Rect) {
        let now = Instant::now();
        self.counters.flushes.add(1);
        let state = self.state.lock();
        let rect = rect.intersection(&state.showing.size.unwrap_or_default().bounds());
        for inbox in &state.inboxes {
            inbox.flushed(rect, now);
        }
    }

    /// Sets the cursor's image; `None` hides the cursor. An image larger than 512 by 512 pixels, or whose
    /// bytes do not match its size, is ignored.
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

    /// Moves the hotspot of the guest's cursor to a position in pixels.
    pub fn move_cursor(&self, x: u32, y: u32) {
        let mut state = self.state.lock();
        if state.showing.pointer_at != (x, y) {
            state.showing.pointer_at = (x, y);
            state.inboxes.iter().for_each(|inbox| inbox.pointer_moved());
        }
    }

    /// Sets the keyboard LEDs: bit 0 num lock, bit 1 caps lock, bit 2 scroll lock (as `LED_*` in Linux).
    pub fn set_leds(&self, leds: u8) {
        let mut state = self.state.lock();
        if state.showing.leds != leds {
            state.showing.leds = leds;
            state.inboxes.iter().for_each(|inbox| inbox.leds_changed());
        }
    }

    /// Reports that the guest can see an input; the next flush is taken to answer it.
    pub fn input_reached_guest(&self, id: InputId) {
        let now = Instant::now();
        let state = self.state.lock();
        if let Some(inbox) = state.inboxes.iter().find(|one| one.viewer() == id.viewer) {
            inbox.input_reached_guest(id.seq, now);
        }
    }

    /// Returns the number of viewers. Devices pace the guest only while there are some.
    pub fn viewers(&self) -> usize {
        self.viewers.load(Ordering::Relaxed)
    }

    /// Closes the screen because the machine has stopped: viewers receive `reason` (one plain sentence) and
    /// end.
    pub fn close(&self, reason: &str) {
        let mut state = self.state.lock();
        if state.closed.is_none() {
            state.closed = Some(reason.to_owned());
            state.inboxes.iter().for_each(|inbox| inbox.screen_closed(reason));
        }
    }

    /// Returns the scanout's size in pixels; `None` while the screen is dark.
    pub fn size(&self) -> Option<Size> {
        let state = self.state.lock();
        state.showing.source.as_ref().and(state.showing.size)
    }

    /// Registers a callback for changes of [`Self::size`]; it runs on the thread of the graphics device.
    pub fn on_size(&self, hook: impl Fn(Option<Size>) + Send + Sync + 'static) {
        let mut hooks = self.size_hooks.lock();
        hooks.push(Arc::new(Box::new(hook)));
    }

    /// Returns the counters over all viewers of the screen.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Reports that the layout of the desktop's screens changed.
    pub(crate) fn layout_changed(&self) {
        self.state.lock().inboxes.iter().for_each(|inbox| inbox.layout_changed());
    }

    /// Returns a copy of the state that viewers show.
    pub fn showing(&self) -> Showing {
        self.state.lock().showing.clone()
    }

    /// Subscribes a new viewer, with all of the screen damaged; the subscription ends when the guard is
    /// dropped.
    pub fn subscribe(self: &Arc<Self>) -> ScreenSubscription {
        self.viewers.fetch_add(1, Ordering::Relaxed);
        self.subscribe_as(LAST_VIEWER.fetch_add(1, Ordering::Relaxed).wrapping_add(1))
    }

    /// As [`Self::subscribe`], for an encode group, which does not count as a viewer.
    pub(crate) fn subscribe_for_group(self: &Arc<Self>) -> ScreenSubscription {
        self.subscribe_as(NO_VIEWER)
    }

    /// Creates a subscription with the given viewer number.
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

/// Reports whether a cursor image has a permitted size and the right number of bytes.
fn is_sound(image: &CursorImage) -> bool {
    let Size { width, height } = image.size;
    width <= CURSOR_MAX
        && height <= CURSOR_MAX
        && u64::try_from(image.rgba.len())
            .is_ok_and(|bytes| bytes == u64::from(width) * u64::from(height) * 4)
}

/// Subscription of a viewer to a screen; ends when dropped.
pub struct ScreenSubscription {
    screen: Arc<Screen>,
    inbox: Arc<ViewerInbox>,
}

impl ScreenSubscription {
    /// Returns the inbox in which the screen gathers work for the viewer.
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
