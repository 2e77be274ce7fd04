//! Backend that carries frames to a passt and back, and starts a new passt when one dies.

use super::reconnect::ReconnectTimer;
use crate::connector::BackendConnector;
use crate::poll::Poll;
use crate::stream::{FrameStream, StreamError};
use oriel_virtio::net::{Backend, Frame, Header, Offloads};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::Arc;
use vmm_sys_util::epoll::EventSet;

const LINK: u64 = 0;
const RECONNECT: u64 = 1;

/// Longest frame in bytes that passt takes from a guest (`ETH_MAX_MTU`); longer ones are dropped.
const MAX_PASST_FRAME: usize = 65535;
/// MTU of the link in bytes, passt's own default: the longest packet in a frame of [`MAX_PASST_FRAME`] bytes
/// whose size is a multiple of four. It terminates TCP itself, so nothing of it is ever fragmented on a real network, and
/// long packets cost the least.
pub(super) const MTU: u16 = 65520;

/// Backend behind a stream socket: passt, or a stand-in that a [`BackendConnector`] returns.
pub struct Passt {
    reconnect: ReconnectTimer,
    poll: Poll,
    link: Option<Link>,
    wants_frames: bool,
}

struct Link {
    stream: FrameStream,
    /// Events that the poll watches the socket for.
    interest: EventSet,
}

impl Passt {
    /// Connects for the first time, which may block for a moment. A process that dies right after that
    /// is no error: a new one is connected while the guest runs.
    ///
    /// # Errors
    /// When the connector fails or the host is out of descriptors.
    pub fn connect(connector: Arc<dyn BackendConnector>) -> io::Result<Self> {
        let socket = connector.connect()?;
        let reconnect = ReconnectTimer::new(connector)?;
        let poll = Poll::new()?;
        poll.add(reconnect.fd(), EventSet::IN, RECONNECT)?;
        let mut passt = Self { reconnect, poll, link: None, wants_frames: false };
        passt.establish(socket)?;
        Ok(passt)
    }

    fn establish(&mut self, socket: OwnedFd) -> io::Result<()> {
        let stream = FrameStream::new(socket)?;
        self.poll.add(stream.as_raw_fd(), EventSet::empty(), LINK)?;
        self.link = Some(Link { stream, interest: EventSet::empty() });
        self.reconnect.connected();
        self.update_interest();
        Ok(())
    }

    /// Watches the socket for the events that matter now.
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

    fn disconnect(&mut self, error: &StreamError) {
        // The poll forgets the socket as it is closed.
        self.link = None;
        tracing::warn!(%error, "the network backend failed; it is connected again");
        self.reconnect.schedule();
    }

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
                        tracing::info!("the network backend is connected again");
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
        // passt makes every header itself, of data that the host's kernel has checked.
        Some(Frame { header: Header::VALID, bytes })
    }

    fn consume(&mut self) {
        if let Some(link) = &mut self.link {
            link.stream.consume();
        }
    }
}
