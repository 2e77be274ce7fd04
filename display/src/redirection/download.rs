//! Downloads: a file on its way from the guest to a viewer, one at a time.

use super::file_name::clean;
use super::{GuestAgentSink, State, ViewerId};
use oriel_wire::FileOffer;

/// Name of a file whose own name has no valid characters.
const NAMELESS: &str = "file";

/// Event of a file on its way from the guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DownloadEvent {
    /// The guest's user sends a file. Answered by [`GuestAgentSink::accept_download`] or
    /// [`GuestAgentSink::reject_download`] as soon as a viewer is connected.
    Offered {
        /// Name of the file in the guest, not yet cleaned.
        name: String,
        /// Size of the file in bytes.
        size: u64,
    },
    /// Next bytes of the file, with at most [`oriel_wire::FILE_CREDIT`] bytes not acknowledged.
    Data(Vec<u8>),
    /// All bytes of the file were sent.
    End,
    /// The guest cancelled the file.
    Cancelled,
}

/// Viewer that receives the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DownloadPeer {
    /// No viewer is connected.
    Nobody,
    /// The file was offered to this viewer.
    Offered(ViewerId),
    /// This viewer accepted the file.
    Taking(ViewerId),
}

impl DownloadPeer {
    /// Returns the viewer; `None` if there is none.
    fn viewer(self) -> Option<ViewerId> {
        match self {
            Self::Nobody => None,
            Self::Offered(viewer) | Self::Taking(viewer) => Some(viewer),
        }
    }
}

/// File that the guest sends.
#[derive(Debug)]
pub(super) struct Download {
    offer: FileOffer,
    peer: DownloadPeer,
    /// Number of bytes received from the guest.
    sent: u64,
    /// True once all bytes of the file were received from the guest.
    whole: bool,
    /// True once the client has stored all bytes.
    stored: bool,
}

impl State {
    /// Processes an event of the guest; a new offer replaces a file that is on its way.
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

    /// Offers a file that no viewer has accepted to the new owner of the redirection.
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

    /// Processes a viewer's answer to the offer, or its cancellation.
    pub(super) fn answer_download(
        &mut self,
        viewer: ViewerId,
        offer: u32,
        accept: bool,
        agent: &dyn GuestAgentSink,
    ) {
        // The client may answer before it has received the end of the file.
        let Some(out) = self.out_of(viewer, offer) else { return };
        match (out.peer, accept) {
            (DownloadPeer::Offered(_), true) => {
                out.peer = DownloadPeer::Taking(viewer);
                agent.accept_download(offer);
            }
            (DownloadPeer::Offered(_), false) => self.refuse(viewer, offer, "The file was declined.", agent),
            (DownloadPeer::Taking(_), false) => {
                self.refuse(viewer, offer, "The receiving user cancelled the file.", agent);
            }
            (DownloadPeer::Taking(_), true) | (DownloadPeer::Nobody, _) => {}
        }
    }

    /// Processes an acknowledgement of stored bytes; one beyond the bytes sent cancels the file.
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
            return self.refuse(
                viewer,
                offer,
                "The browser acknowledged bytes that were not sent; send the file again.",
                agent,
            );
        }
        out.stored |= received == out.offer.size;
        if out.whole && out.stored {
            self.download = None;
        }
        agent.ack_download(offer, received);
    }

    /// Removes a viewer: an offer waits for the next owner, an accepted file is cancelled.
    pub(super) fn viewer_left_download(&mut self, viewer: ViewerId, agent: &dyn GuestAgentSink) {
        let Some(out) = self.download.as_mut().filter(|out| out.peer.viewer() == Some(viewer)) else {
            return;
        };
        match out.peer {
            DownloadPeer::Taking(_) => {
                let offer = out.offer.offer;
                self.refuse(
                    viewer,
                    offer,
                    "The window that received the file was closed; send the file again.",
                    agent,
                );
            }
            DownloadPeer::Offered(_) | DownloadPeer::Nobody => out.peer = DownloadPeer::Nobody,
        }
    }

    /// Passes bytes of the file on to the viewer that accepted it.
    fn guest_file_bytes(&mut self, file: u32, bytes: Vec<u8>) {
        if let Some(out) = self.download.as_mut().filter(|out| out.offer.offer == file)
            && let DownloadPeer::Taking(viewer) = out.peer
        {
            out.sent = out.sent.saturating_add(bytes.len() as u64);
            self.enqueue(viewer, |outbox| outbox.put_file_bytes(file, bytes));
        }
    }

    /// Records that the guest has sent all bytes.
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

    /// Records that the guest cancelled the file.
    fn guest_file_gone(&mut self, file: u32) {
        if let Some(out) = self.download.take_if(|out| out.offer.offer == file)
            && let Some(viewer) = out.peer.viewer()
        {
            self.enqueue(viewer, |outbox| outbox.put_file_gone(file));
        }
    }

    /// Ends the download with a reason for the guest, and drops queued bytes.
    fn refuse(&mut self, viewer: ViewerId, offer: u32, reason: &str, agent: &dyn GuestAgentSink) {
        self.download = None;
        self.enqueue(viewer, |outbox| outbox.drop_file(offer));
        agent.reject_download(offer, reason);
    }

    /// Returns the download if its number is `offer` and it concerns the viewer.
    fn out_of(&mut self, viewer: ViewerId, offer: u32) -> Option<&mut Download> {
        self.download.as_mut().filter(|out| out.offer.offer == offer && out.peer.viewer() == Some(viewer))
    }
}
