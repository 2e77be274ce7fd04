//! A virtio-gpu driver that flushes rectangles (virtio 1.3, section 5.7).

mod command;
mod screen;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use oriel_scenes::Rect;
use virtio_drivers::queue::VirtQueue;
use virtio_drivers::transport::Transport;

use self::command::{Command, Request, Response};
pub use self::screen::Screen;
use crate::boot;
use crate::memory::IdentityHal;
use crate::rest::Rest;
use crate::transport::MsixTransport;

const CONTROL_QUEUE: u16 = 0;
const CURSOR_QUEUE: u16 = 1;
const CONTROL_SIZE: usize = 32;
const CURSOR_SIZE: usize = 4;
/// A command takes two descriptors, one for the request and one for the answer.
const BATCH_MAX: usize = CONTROL_SIZE / 2;

const FEATURE_RESOURCE_BLOB: u64 = 1 << 3;
const FEATURE_VERSION_1: u64 = 1 << 32;

/// EVENT_DISPLAY, and where the configuration has the events that are and those to forget.
const EVENT_DISPLAY: u32 = 1;
const EVENTS_READ: usize = 0;
const EVENTS_CLEAR: usize = 4;
/// How often a guest that takes no interrupts looks for events.
const LOOK_US: u64 = 250_000;

const CURSOR: u32 = 1;
const FIRST_SCREEN: u32 = 2;
/// Side of a cursor resource in pixels; the device accepts no other.
pub const CURSOR_SIDE: u32 = 64;

const ANSWER_TIMEOUT_US: u64 = 10_000_000;

/// What went wrong with the display device.
pub enum GpuError {
    /// The queues could not be set up or used.
    Queue(virtio_drivers::Error),
    /// A command was refused.
    Refused {
        /// Type of the command.
        command: u32,
        /// Type of the response.
        response: u32,
    },
    /// A command got no answer.
    Silent(u32),
    /// There is not enough memory for the picture.
    OutOfMemory,
}

impl fmt::Display for GpuError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Queue(error) => write!(f, "The display device's queues do not work: {error}."),
            Self::Refused { command, response } => {
                write!(f, "The display device refused command {command:#x} with response {response:#x}.")
            }
            Self::Silent(command) => {
                write!(f, "The display device did not answer command {command:#x} within 10 s.")
            }
            Self::OutOfMemory => write!(f, "The screen does not fit into memory: give the machine more."),
        }
    }
}

impl From<virtio_drivers::Error> for GpuError {
    fn from(error: virtio_drivers::Error) -> Self {
        Self::Queue(error)
    }
}

/// The display device.
pub struct Gpu {
    transport: MsixTransport,
    control: VirtQueue<IdentityHal, CONTROL_SIZE>,
    cursor: VirtQueue<IdentityHal, CURSOR_SIZE>,
    requests: Box<[Request; BATCH_MAX]>,
    responses: Box<[Response; BATCH_MAX]>,
    cursor_request: Box<Request>,
    /// The cursor command that the device still has.
    cursor_pending: Option<u16>,
    blob: bool,
    next_fence: u64,
    next_resource: u32,
    next_look: u64,
}

impl Gpu {
    /// Starts the device; it shows nothing yet.
    pub fn new(mut transport: MsixTransport, blob: bool) -> Result<Self, GpuError> {
        let wanted = FEATURE_VERSION_1 | if blob { FEATURE_RESOURCE_BLOB } else { 0 };
        let features = command::negotiate(&mut transport, wanted);
        let control = VirtQueue::new(&mut transport, CONTROL_QUEUE, false, false)?;
        let mut cursor = VirtQueue::new(&mut transport, CURSOR_QUEUE, false, false)?;
        cursor.set_dev_notify(false);
        transport.finish_init();
        Ok(Self {
            transport,
            control,
            cursor,
            requests: Box::new([Request::EMPTY; BATCH_MAX]),
            responses: Box::new([Response::EMPTY; BATCH_MAX]),
            cursor_request: Box::new(Request::EMPTY),
            cursor_pending: None,
            blob: features & FEATURE_RESOURCE_BLOB != 0,
            next_fence: 1,
            next_resource: FIRST_SCREEN,
            next_look: 0,
        })
    }

    /// Whether screens are blobs that the host reads in place.
    pub fn is_blob(&self) -> bool {
        self.blob
    }

    /// Shows a black screen of the given place and size on a scanout.
    pub fn show(&mut self, scanout: u32, rect: Rect, rest: &Rest) -> Result<Screen, GpuError> {
        let resource = self.next_resource;
        self.next_resource += 1;
        let screen = Screen::new(scanout, resource, rect)?;
        let (width, height) = (screen.width(), screen.height());
        let (address, bytes) = screen.memory();
        if self.blob {
            self.run(&[Command::create_blob(resource, address, bytes)], rest)?;
            self.run(&[Command::set_scanout_blob(scanout, resource, width, height)], rest)?;
        } else {
            self.run(&[Command::create_2d(resource, command::FORMAT_BGRX, width, height)], rest)?;
            self.run(&[Command::attach_backing(resource, address, bytes)], rest)?;
            let all = Rect::new(0, 0, rect.width, rect.height);
            self.run(&[Command::set_scanout(scanout, resource, all)], rest)?;
        }
        Ok(screen)
    }

    /// Takes a screen's memory back; its scanout goes dark if it shows nothing else by now.
    pub fn forget(&mut self, screen: Screen, rest: &Rest) -> Result<(), GpuError> {
        self.run(&[Command::unref(screen.resource())], rest)
    }

    /// Makes a scanout dark.
    pub fn darken(&mut self, scanout: u32, rest: &Rest) -> Result<(), GpuError> {
        self.run(&[Command::set_scanout(scanout, 0, Rect::new(0, 0, 0, 0))], rest)
    }

    /// Where each scanout is to be, when the host has changed its mind of that.
    pub fn wanted_screens(&mut self, rest: &Rest) -> Result<Option<Vec<Option<Rect>>>, GpuError> {
        // The first time whatever is said: the host may have changed its mind before anyone listened.
        let first = self.next_look == 0;
        let told = if rest.sleeps() { boot::take_config_change() } else { rest.now() >= self.next_look };
        if !(first || told) {
            return Ok(None);
        }
        self.next_look = rest.now() + LOOK_US;
        let events: u32 = self.transport.read_config_space(EVENTS_READ)?;
        if events & EVENT_DISPLAY == 0 {
            return Ok(None);
        }
        self.transport.write_config_space(EVENTS_CLEAR, EVENT_DISPLAY)?;
        self.run(&[Command::get_display_info()], rest)?;
        Ok(Some(self.responses[0].scanouts().collect()))
    }

    /// Shows the given rectangles of a screen and waits until the device says
    /// that it has them. Each is transferred and flushed by itself, and the last
    /// flush carries a fence.
    pub fn flush(&mut self, screen: &Screen, damage: &[Rect], rest: &Rest) -> Result<(), GpuError> {
        let mut batch = [Command::EMPTY; BATCH_MAX];
        for rects in damage.chunks(BATCH_MAX / 2) {
            let mut count = 0;
            for &rect in rects {
                if !self.blob {
                    batch[count] = Command::transfer(screen.resource(), rect, screen.width());
                    count += 1;
                }
                batch[count] = Command::flush(screen.resource(), rect);
                count += 1;
            }
            if let Some(last) = batch[..count].last_mut() {
                last.set_fence(self.next_fence);
                self.next_fence += 1;
            }
            self.run(&batch[..count], rest)?;
        }
        Ok(())
    }

    /// Sends commands with one notification and waits for every answer.
    fn run(&mut self, commands: &[Command], rest: &Rest) -> Result<(), GpuError> {
        let mut tokens = [0; BATCH_MAX];
        let buffers = self.requests.iter_mut().zip(self.responses.iter_mut());
        for ((command, token), (request, response)) in commands.iter().zip(&mut tokens).zip(buffers) {
            request.fill(command);
            // SAFETY: the boxes live as long as the queue, and nothing touches
            // this pair until its token has been popped below.
            *token = unsafe { self.control.add(&[request.bytes()], &mut [response.bytes_mut()]) }?;
        }
        self.transport.notify(CONTROL_QUEUE);
        let deadline = rest.now() + ANSWER_TIMEOUT_US;
        for _ in commands {
            let used = loop {
                if let Some(token) = self.control.peek_used() {
                    break token;
                }
                if rest.now() > deadline {
                    return Err(GpuError::Silent(commands[0].kind()));
                }
                rest.until(deadline);
            };
            let index = tokens[..commands.len()]
                .iter()
                .position(|token| *token == used)
                .ok_or(virtio_drivers::Error::WrongToken)?;
            let (request, response) = (&self.requests[index], &mut self.responses[index]);
            // SAFETY: these are the buffers that were added under this token.
            unsafe { self.control.pop_used(used, &[request.bytes()], &mut [response.bytes_mut()]) }?;
            if !response.is_ok() {
                return Err(GpuError::Refused { command: commands[index].kind(), response: response.kind() });
            }
        }
        Ok(())
    }

    /// Takes a cursor of [`CURSOR_SIDE`] squared ARGB pixels with its hot spot at the top left.
    pub fn set_cursor(&mut self, image: &[u32], rest: &Rest) -> Result<(), GpuError> {
        // Never given back.
        let pixels = screen::pixels(CURSOR_SIDE, CURSOR_SIDE)?.leak();
        for (to, from) in pixels.iter_mut().zip(image) {
            *to = *from;
        }
        let all = Rect::new(0, 0, CURSOR_SIDE as i32, CURSOR_SIDE as i32);
        let (address, bytes) = (pixels.as_ptr().addr() as u64, size_of_val(pixels) as u32);
        self.run(&[Command::create_2d(CURSOR, command::FORMAT_BGRA, CURSOR_SIDE, CURSOR_SIDE)], rest)?;
        self.run(&[Command::attach_backing(CURSOR, address, bytes)], rest)?;
        self.run(&[Command::transfer(CURSOR, all, CURSOR_SIDE)], rest)
    }

    /// Shows the cursor on a scanout, or none there. False while the device still has
    /// the last command: try again, with the position of that time.
    pub fn show_cursor(&mut self, scanout: u32, at: Option<(u32, u32)>) -> Result<bool, GpuError> {
        let resource = if at.is_some() { CURSOR } else { 0 };
        self.send_cursor(&Command::update_cursor(scanout, resource, at.unwrap_or_default()))
    }

    /// Moves the cursor that a scanout shows; false as above.
    pub fn move_cursor(&mut self, scanout: u32, at: (u32, u32)) -> Result<bool, GpuError> {
        self.send_cursor(&Command::move_cursor(scanout, CURSOR, at))
    }

    fn send_cursor(&mut self, command: &Command) -> Result<bool, GpuError> {
        if let Some(token) = self.cursor_pending {
            if !self.cursor.can_pop() {
                return Ok(false);
            }
            // SAFETY: this is the buffer that was added under this token.
            unsafe { self.cursor.pop_used(token, &[self.cursor_request.bytes()], &mut []) }?;
        }
        self.cursor_request.fill(command);
        // SAFETY: the box lives as long as the queue, and is not touched until
        // the token has been popped above.
        self.cursor_pending = Some(unsafe { self.cursor.add(&[self.cursor_request.bytes()], &mut []) }?);
        self.transport.notify(CURSOR_QUEUE);
        Ok(true)
    }
}
