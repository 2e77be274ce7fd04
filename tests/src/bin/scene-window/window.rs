//! A window that fills the X screen, its pixels in memory shared with the X server.

use oriel_display::PixelSource;
use oriel_tests::scene_source::SceneSource;
use oriel_wire::Rect;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::error::Error;
use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::time::Instant;
use x11rb::COPY_DEPTH_FROM_PARENT;
use x11rb::connection::Connection;
use x11rb::protocol::Event as XEvent;
use x11rb::protocol::shm::{ConnectionExt as _, Seg};
use x11rb::protocol::xproto::{
    AtomEnum, ConnectionExt as _, CreateGCAux, CreateWindowAux, EventMask, Gcontext, ImageFormat, PropMode,
    Window as XWindow, WindowClass,
};
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;

type Failure = Box<dyn Error>;

/// The keysym of F9, `XK_F9`.
const F9: u32 = 0xFFC6;
const BYTES_PER_PIXEL: usize = 4;

/// What the X server tells.
pub enum Event {
    /// F9 went down.
    Pause,
    /// Any other key went down or up.
    Key {
        /// Whether it is down now.
        down: bool,
    },
    /// The window's pixels were lost.
    Uncovered,
}

/// The window.
pub struct Window {
    server: RustConnection,
    window: XWindow,
    context: Gcontext,
    segment: Seg,
    /// The memory behind `segment`.
    memory: File,
    width: u32,
    height: u32,
    depth: u8,
    row: Vec<u8>,
}

impl Window {
    /// A window with the source's picture, on the display that DISPLAY names.
    pub fn open(source: &SceneSource) -> Result<Self, Failure> {
        let (width, height) = (source.size().width, source.size().height);
        let (server, number) = x11rb::connect(None)?;
        let screen = server.setup().roots.get(number).ok_or("the display has no screen")?;
        let (root, depth, visual) = (screen.root, screen.root_depth, screen.root_visual);
        let [window, context, segment] =
            [server.generate_id()?, server.generate_id()?, server.generate_id()?];
        let events = EventMask::KEY_PRESS | EventMask::KEY_RELEASE | EventMask::EXPOSURE;
        let look = CreateWindowAux::new().event_mask(events);
        let [w, h] = [u16::try_from(width)?, u16::try_from(height)?];
        let class = WindowClass::INPUT_OUTPUT;
        server.create_window(COPY_DEPTH_FROM_PARENT, window, root, 0, 0, w, h, 0, class, visual, &look)?;
        let state = server.intern_atom(false, b"_NET_WM_STATE")?.reply()?.atom;
        let full = server.intern_atom(false, b"_NET_WM_STATE_FULLSCREEN")?.reply()?.atom;
        server.change_property32(PropMode::REPLACE, window, state, AtomEnum::ATOM, &[full])?;
        server.change_property8(PropMode::REPLACE, window, AtomEnum::WM_NAME, AtomEnum::STRING, b"Scene")?;
        server.create_gc(context, window, &CreateGCAux::new().graphics_exposures(0))?;

        server.shm_query_version()?.reply()?;
        let memory = File::from(rustix::fs::memfd_create("scene-window", rustix::fs::MemfdFlags::CLOEXEC)?);
        memory.set_len(u64::from(width) * u64::from(height) * BYTES_PER_PIXEL as u64)?;
        server.shm_attach_fd(segment, memory.try_clone()?, true)?.check()?;
        server.map_window(window)?;
        let mut window =
            Self { server, window, context, segment, memory, width, height, depth, row: Vec::new() };
        window.show(source, &[source.size().bounds()])?;
        Ok(window)
    }

    /// Brings what was damaged to the screen.
    pub fn show(&mut self, source: &SceneSource, damage: &[Rect]) -> Result<(), Failure> {
        for rect in damage {
            self.row.resize(rect.width as usize * BYTES_PER_PIXEL, 0);
            for y in rect.y..rect.y + rect.height {
                source.read_row(rect.x, y, &mut self.row)?;
                let pixel = u64::from(y) * u64::from(self.width) + u64::from(rect.x);
                self.memory.write_all_at(&self.row, pixel * BYTES_PER_PIXEL as u64)?;
            }
            let side = |value: u32| u16::try_from(value);
            let place = |value: u32| i16::try_from(value);
            self.server.shm_put_image(
                self.window,
                self.context,
                side(self.width)?,
                side(self.height)?,
                side(rect.x)?,
                side(rect.y)?,
                side(rect.width)?,
                side(rect.height)?,
                place(rect.x)?,
                place(rect.y)?,
                self.depth,
                ImageFormat::Z_PIXMAP.into(),
                false,
                self.segment,
                0,
            )?;
        }
        // The server has read the memory once it answers something later.
        self.server.sync()?;
        Ok(())
    }

    /// The next event; `None` when it does not come before `due`.
    pub fn event(&self, due: Option<Instant>) -> Result<Option<Event>, Failure> {
        loop {
            if let Some(event) = self.server.poll_for_event()? {
                match event {
                    XEvent::KeyPress(key) if self.keysym(key.detail)? == F9 => return Ok(Some(Event::Pause)),
                    XEvent::KeyPress(_) => return Ok(Some(Event::Key { down: true })),
                    XEvent::KeyRelease(_) => return Ok(Some(Event::Key { down: false })),
                    XEvent::Expose(_) => return Ok(Some(Event::Uncovered)),
                    XEvent::Error(error) => return Err(format!("the X server refused: {error:?}").into()),
                    _ => continue,
                }
            }
            self.server.flush()?;
            let left = due.map(|due| due.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return Ok(None);
            }
            let timeout = left.map(Timespec::try_from).transpose()?;
            let mut readable = [PollFd::from_borrowed_fd(self.server.stream().as_fd(), PollFlags::IN)];
            poll(&mut readable, timeout.as_ref())?;
        }
    }

    /// What a key means without modifiers. Asked anew each time: remote desktops change the keyboard.
    fn keysym(&self, keycode: u8) -> Result<u32, Failure> {
        let mapping = self.server.get_keyboard_mapping(keycode, 1)?.reply()?;
        Ok(mapping.keysyms.first().copied().unwrap_or_default())
    }
}
