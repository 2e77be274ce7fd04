//! The file on its way from the guest to a viewer: one at a time.

use super::file_name::clean;
use super::{GuestAgentSink, State, ViewerId};
use oriel_wire::FileOffer;

/// What a file is called whose name nothing is left of.
const NAMELESS: &str = "file";

/// Event of a file on its way from the guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DownloadEvent {
    /// A user of the guest sends a file; answered by [`GuestAgentSink::accept_download`] or [`GuestAgentSink::reject_download`], as soon
    /// as somebody is there to ask.
    Offered {
        /// Name of the file in the guest, not yet cleaned.
        name: String,
        /// Size of the file in bytes.
        size: u64,
    },
    /// Next bytes of the file, no more on the way at a time than [`oriel_wire::FILE_CREDIT`].
    Data(Vec<u8>),
    /// All bytes of the file were sent.
    End,
    /// The file does not come, or no further.
    Cancelled,
}

/// Whom the file concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DownloadPeer {
    /// Nobody is there.
    Nobody,
    /// This viewer was offered the file.
    Offered(ViewerId),
    /// This viewer takes the file.
    Taking(ViewerId),
}

impl DownloadPeer {
    fn viewer(self) -> Option<ViewerId> {
        match self {
            Self::Nobody => None,
            Self::Offered(viewer) | Self::Taking(viewer) => Some(viewer),
        }
    }
}

/// The file.
#[derive(Debug)]
pub(super) struct Download {
    offer: FileOffer,
    peer: DownloadPeer,
    /// Bytes from the guest.
    sent: u64,
    /// All bytes of the file were sent.
    whole: bool,
    /// The client has it whole.
    stored: bool,
}

impl State {
    pub(super) fn download_event(&mut self, file: u32, news: DownloadEvent, agent: &dyn GuestAgentSink) {
        let (name, size) = match news {
            DownloadEvent::Offered { name, size } => (name, size),
            DownloadEvent::Data(bytes) => return self.guest_file_bytes(file, bytes),
            DownloadEvent::End => return self.guest_file_whole(file, agent),
            DownloadEvent::Cancelled => return self.guest_file_gone(file),
        };
        if let Some(earlier) = self.download.as_ref().map(|out| out.offer.offer) {
            self.guest_file_gone(earlier);
        }
        let name = clean(&name).unwrap_or_else(|_| NAMELESS.to_owned());
        let offer = FileOffer { offer: file, name, size };
        self.download =
            Some(Download { offer, peer: DownloadPeer::Nobody, sent: 0, whole: false, stored: false });
        if let Some(owner) = self.owner {
            self.assign_download(owner);
        }
    }

    /// The redirection belongs to `owner`, and so does what nobody has answered yet.
    pub(super) fn assign_download(&mut self, owner: ViewerId) {
        let Some(out) = &mut self.download else { return };
        if out.peer == DownloadPeer::Offered(owner) || matches!(out.peer, DownloadPeer::Taking(_)) {
            return;
        }
        let (offer, before) =
            (out.offer.clone(), std::mem::replace(&mut out.peer, DownloadPeer::Offered(owner)));
        if let Some(before) = before.viewer() {
            self.enqueue(before, |outbox| outbox.put_file_gone(offer.offer));
        }
        self.enqueue(owner, |outbox| outbox.file_offer = Some(offer));
    }

    pub(super) fn answer_download(
        &mut self,
        viewer: ViewerId,
        offer: u32,
        accept: bool,
        agent: &dyn GuestAgentSink,
    ) {
        // What was sent before the client heard of the end.
        let Some(out) = self.out_of(viewer, offer) else { return };
        match (out.peer, accept) {
            (DownloadPeer::Offered(_), true) => {
                out.peer = DownloadPeer::Taking(viewer);
                agent.accept_download(offer);
            }
            (DownloadPeer::Offered(_), false) => self.refuse(viewer, offer, "The file was declined.", agent),
            (DownloadPeer::Taking(_), false) => {
                self.refuse(viewer, offer, "The file was not taken to its end.", agent);
            }
            (DownloadPeer::Taking(_), true) | (DownloadPeer::Nobody, _) => {}
        }
    }

    pub(super) fn ack_download(
        &mut self,
        viewer: ViewerId,
        offer: u32,
        received: u64,
        agent: &dyn GuestAgentSink,
    ) {
        let Some(out) = self.out_of(viewer, offer) else { return };
        if received > out.sent || !matches!(out.peer, DownloadPeer::Taking(_)) {
            self.enqueue(viewer, |outbox| outbox.put_file_gone(offer));
            return self.refuse(viewer, offer, "The browser lost count of the file.", agent);
        }
        out.stored |= received == out.offer.size;
        if out.whole && out.stored {
            self.download = None;
        }
        agent.ack_download(offer, received);
    }

    /// A viewer left. What it was asked the next one is asked.
    pub(super) fn viewer_left_download(&mut self, viewer: ViewerId, agent: &dyn GuestAgentSink) {
        let Some(out) = self.download.as_mut().filter(|out| out.peer.viewer() == Some(viewer)) else {
            return;
        };
        match out.peer {
            DownloadPeer::Taking(_) => {
                let offer = out.offer.offer;
                self.refuse(viewer, offer, "The window that took the file was closed.", agent);
            }
            DownloadPeer::Offered(_) | DownloadPeer::Nobody => out.peer = DownloadPeer::Nobody,
        }
    }

    fn guest_file_bytes(&mut self, file: u32, bytes: Vec<u8>) {
        if let Some(out) = self.download.as_mut().filter(|out| out.offer.offer == file)
            && let DownloadPeer::Taking(viewer) = out.peer
        {
            out.sent = out.sent.saturating_add(bytes.len() as u64);
            self.enqueue(viewer, |outbox| outbox.put_file_bytes(file, bytes));
        }
    }

    fn guest_file_whole(&mut self, file: u32, agent: &dyn GuestAgentSink) {
        if let Some(out) = self.download.as_mut().filter(|out| out.offer.offer == file)
            && let DownloadPeer::Taking(viewer) = out.peer
        {
            out.whole = true;
            let size = out.offer.size;
            if out.stored {
                self.download = None;
                agent.ack_download(file, size);
            }
            self.enqueue(viewer, |outbox| outbox.put_file_end(file));
        }
    }

    fn guest_file_gone(&mut self, file: u32) {
        if let Some(out) = self.download.take_if(|out| out.offer.offer == file)
            && let Some(viewer) = out.peer.viewer()
        {
            self.enqueue(viewer, |outbox| outbox.put_file_gone(file));
        }
    }

    fn refuse(&mut self, viewer: ViewerId, offer: u32, reason: &str, agent: &dyn GuestAgentSink) {
        self.download = None;
        self.enqueue(viewer, |outbox| outbox.drop_file(offer));
        agent.reject_download(offer, reason);
    }

    fn out_of(&mut self, viewer: ViewerId, offer: u32) -> Option<&mut Download> {
        self.download.as_mut().filter(|out| out.offer.offer == offer && out.peer.viewer() == Some(viewer))
    }
}
