//! Backend that transfers frames to and from a passt process, and starts a new process when one ends.

use super::reconnect::ReconnectTimer;
use crate::connector::BackendConnector;
use crate::poll::Poll;
use crate::stream::{FrameStream, StreamError};
use oriel_virtio::net::{Backend, Frame, Header, Offloads};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::Arc;
use vmm_sys_util::epoll::EventSet;

/// Event token of the socket.
const LINK: u64 = 0;
/// Event token of the reconnection.
const RECONNECT: u64 = 1;

/// Maximum length in bytes of a frame that passt accepts from a guest (`ETH_MAX_MTU`); longer frames are
/// dropped.
const MAX_PASST_FRAME: usize = 65535;
/// MTU of the link in bytes, passt's default: the longest packet in a frame of [`MAX_PASST_FRAME`] bytes
/// whose size is a multiple of four. passt terminates TCP itself, so packets are not fragmented on a physical
/// network, and long packets have the least overhead.
pub(super) const MTU: u16 = 65520;

/// Backend over a stream socket to passt, or to a test's peer from a [`BackendConnector`].
pub struct Passt {
    reconnect: ReconnectTimer,
    poll: Poll,
    link: Option<Link>,
    wants_frames: bool,
}

/// Connected socket.
struct Link {
    stream: FrameStream,
    /// Events for which the poll watches the socket.
    interest: EventSet,
}

impl Passt {
    /// Connects for the first time, which may block for a moment. If the process ends right afterwards, a new
    /// process is connected while the guest runs.
    ///
    /// # Errors
    /// The connector's error, or that the host is out of descriptors.
    pub fn connect(connector: Arc<dyn BackendConnector>) -> io::Result<Self> {
        let socket = connector.connect()?;
        let reconnect = ReconnectTimer::new(connector)?;
        let poll = Poll::new()?;
        poll.add(reconnect.fd(), EventSet::IN, RECONNECT)?;
        let mut passt = Self { reconnect, poll, link: None, wants_frames: false };
        passt.establish(socket)?;
        Ok(passt)
    }

    /// Takes over a connected socket.
    fn establish(&mut self, socket: OwnedFd) -> io::Result<()> {
        let stream = FrameStream::new(socket)?;
        self.poll.add(stream.as_raw_fd(), EventSet::empty(), LINK)?;
        self.link = Some(Link { stream, interest: EventSet::empty() });
        self.reconnect.connected();
        self.update_interest();
        Ok(())
    }

    /// Watches the socket for the events that are useful now.
    fn update_interest(&mut self) {
        let Some(link) = &mut self.link else { return };
        let mut events = EventSet::empty();
        events.set(EventSet::IN, self.wants_frames);
        events.set(EventSet::OUT, !link.stream.has_room());
        if events != link.interest {
            match self.poll.change(link.stream.as_raw_fd(), events, LINK) {
                Ok(()) => link.interest = events,
                Err(error) => self.disconnect(&error.into()),
            }
        }
    }

    /// Closes the link and schedules a reconnection.
    fn disconnect(&mut self, error: &StreamError) {
        // Closing the socket removes it from the poll.
        self.link = None;
        oriel_vmm_api::log_limited!(warn, %error, "the network backend failed; it is connected again");
        self.reconnect.schedule();
    }

    /// Handles the result of an operation on the stream.
    fn handle_outcome(&mut self, outcome: Result<(), StreamError>) {
        match outcome {
            Ok(()) => self.update_interest(),
            Err(error) => self.disconnect(&error),
        }
    }
}

impl Backend for Passt {
    fn mtu(&self) -> Option<u16> {
        Some(MTU)
    }

    fn offloads(&self) -> Offloads {
        Offloads::NONE
    }

    fn set_guest_offloads(&mut self, _offloads: Offloads) {}

    fn fd(&self) -> RawFd {
        self.poll.as_raw_fd()
    }

    fn want_frames(&mut self, wanted: bool) {
        if self.wants_frames != wanted {
            self.wants_frames = wanted;
            self.update_interest();
        }
    }

    fn ready(&mut self) {
        for (token, events) in self.poll.ready(0) {
            match (token, &mut self.link) {
                (RECONNECT, _) => match self.reconnect.take_result() {
                    Some(Ok(socket)) => {
                        oriel_vmm_api::log_limited!(info, "the network backend is connected again");
                        if let Err(error) = self.establish(socket) {
                            self.disconnect(&error.into());
                        }
                    }
                    Some(Err(error)) => self.disconnect(&error.into()),
                    None => {}
                },
                (_, Some(link)) => {
                    let flushed = link.stream.flush();
                    // Unread frames are dropped: the connections they belong to ended with the process.
                    let gone = events.intersects(EventSet::HANG_UP | EventSet::ERROR);
                    self.handle_outcome(if gone { Err(StreamError::Closed) } else { flushed });
                }
                (_, None) => {}
            }
        }
    }

    fn link_up(&self) -> bool {
        self.link.is_some()
    }

    fn has_room(&self) -> bool {
        self.link.as_ref().is_none_or(|link| link.stream.has_room())
    }

    fn send(&mut self, _header: &Header, frame: &[u8]) {
        if let Some(link) = &mut self.link
            && frame.len() <= MAX_PASST_FRAME
        {
            let outcome = link.stream.send(frame);
            if outcome.is_err() || !link.stream.has_room() {
                self.handle_outcome(outcome);
            }
        }
    }

    fn peek(&mut self) -> Option<Frame<'_>> {
        match self.link.as_mut()?.stream.peek() {
            Ok(Some(_)) => {}
            Ok(None) => return None,
            Err(error) => {
                self.disconnect(&error);
                return None;
            }
        }
        let bytes = self.link.as_mut()?.stream.peek().ok()??;
        // passt creates every header itself, from data that the host's kernel has verified.
        Some(Frame { header: Header::VALID, bytes })
    }

    fn consume(&mut self) {
        if let Some(link) = &mut self.link {
            link.stream.consume();
        }
    }
}
