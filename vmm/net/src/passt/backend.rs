//! Frames to a passt and back, and a new passt when one dies.

use super::reconnect::ReconnectTimer;
use crate::connector::BackendConnector;
use crate::poll::Poll;
use crate::stream::{FrameStream, Lost};
use oriel_virtio::net::{Backend, Frame, Header, Offloads};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::Arc;
use vmm_sys_util::epoll::EventSet;

const LINK: u64 = 0;
const DIAL: u64 = 1;

/// What passt takes of a guest (`ETH_MAX_MTU`): longer frames are lost.
const LONGEST_TO_PASST: usize = 65535;
/// The longest packet in a frame of that length whose size is a multiple of four: passt's own
/// default. It terminates TCP itself, so nothing of it is ever fragmented on a real network, and
/// long packets cost the least.
pub(super) const MTU: u16 = 65520;

/// A link to passt, or to whatever a [`BackendConnector`] puts in its place.
pub struct Passt {
    dial: ReconnectTimer,
    poll: Poll,
    link: Option<Link>,
    wanted: bool,
}

struct Link {
    stream: FrameStream,
    /// What the poll watches it for.
    watched: EventSet,
}

impl Passt {
    /// Connects for the first time, which may take a moment.
    ///
    /// # Errors
    /// When there is nothing to connect to. (What comes and dies at once is no error: it is tried
    /// again while the guest runs.)
    pub fn connect(connector: Arc<dyn BackendConnector>) -> io::Result<Self> {
        let socket = connector.connect()?;
        let dial = ReconnectTimer::new(connector)?;
        let poll = Poll::new()?;
        poll.add(dial.fd(), EventSet::IN, DIAL)?;
        let mut passt = Self { dial, poll, link: None, wanted: false };
        passt.establish(socket)?;
        Ok(passt)
    }

    fn establish(&mut self, socket: OwnedFd) -> io::Result<()> {
        let stream = FrameStream::new(socket)?;
        self.poll.add(stream.as_raw_fd(), EventSet::empty(), LINK)?;
        self.link = Some(Link { stream, watched: EventSet::empty() });
        self.dial.connected();
        self.watch();
        Ok(())
    }

    /// Brings what the poll watches in line with what is wanted.
    fn watch(&mut self) {
        let Some(link) = &mut self.link else { return };
        let mut events = EventSet::empty();
        events.set(EventSet::IN, self.wanted);
        events.set(EventSet::OUT, !link.stream.has_room());
        if events != link.watched {
            match self.poll.change(link.stream.as_raw_fd(), events, LINK) {
                Ok(()) => link.watched = events,
                Err(error) => self.lose(&error.into()),
            }
        }
    }

    fn lose(&mut self, why: &Lost) {
        // The poll forgets the socket as it is closed.
        self.link = None;
        tracing::warn!(reason = %why, "the network's process is lost; starting another");
        self.dial.again();
    }

    fn check(&mut self, outcome: Result<(), Lost>) {
        match outcome {
            Ok(()) => self.watch(),
            Err(why) => self.lose(&why),
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
        if self.wanted != wanted {
            self.wanted = wanted;
            self.watch();
        }
    }

    fn ready(&mut self) {
        for (token, events) in self.poll.ready(0) {
            match (token, &mut self.link) {
                (DIAL, _) => match self.dial.answer() {
                    Some(Ok(socket)) => {
                        tracing::info!("the network's process runs again");
                        if let Err(error) = self.establish(socket) {
                            self.lose(&error.into());
                        }
                    }
                    Some(Err(error)) => self.lose(&error.into()),
                    None => {}
                },
                (_, Some(link)) => {
                    let flushed = link.stream.flush();
                    // What it said before it went is for nobody: its connections went with it.
                    let gone = events.intersects(EventSet::HANG_UP | EventSet::ERROR);
                    self.check(if gone { Err(Lost::Closed) } else { flushed });
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
            && frame.len() <= LONGEST_TO_PASST
        {
            let outcome = link.stream.send(frame);
            if outcome.is_err() || !link.stream.has_room() {
                self.check(outcome);
            }
        }
    }

    fn peek(&mut self) -> Option<Frame<'_>> {
        match self.link.as_mut()?.stream.peek() {
            Ok(Some(_)) => {}
            Ok(None) => return None,
            Err(why) => {
                self.lose(&why);
                return None;
            }
        }
        let bytes = self.link.as_mut()?.stream.peek().ok()??;
        // It makes every header itself, of data that the host's kernel has checked.
        Some(Frame { header: Header::VALID, bytes })
    }

    fn consume(&mut self) {
        if let Some(link) = &mut self.link {
            link.stream.consume();
        }
    }
}
