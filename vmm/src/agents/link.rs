//! Between the redirection of the viewers and the agents of the guest's desktop: the same things under
//! the names that each side has for them.

use oriel_agents::send::{self, GuestFiles};
use oriel_agents::spice::{self, Kind, Monitor, News, SpiceAgent};
use oriel_display::redirection::{ContentType, DownloadEvent, GuestAgentSink, UploadEvent};
use oriel_display::{MonitorConfig, RedirectionHub};
use std::sync::Arc;

fn kind(content: ContentType) -> Kind {
    match content {
        ContentType::Text => Kind::Text,
        ContentType::Png => Kind::Png,
    }
}

fn content(kind: Kind) -> ContentType {
    match kind {
        Kind::Text => ContentType::Text,
        Kind::Png => ContentType::Png,
    }
}

/// The screens as the agent is told of them; one that nobody wants is off.
pub(super) fn monitors(screens: &[Option<MonitorConfig>]) -> Vec<Monitor> {
    let off = Monitor { x: 0, y: 0, width: 0, height: 0 };
    let on = |wanted: &MonitorConfig| {
        let MonitorConfig { x, y, size, .. } = *wanted;
        Monitor { x, y, width: size.width, height: size.height }
    };
    screens.iter().map(|wanted| wanted.as_ref().map_or(off, on)).collect()
}

/// From the viewers to the guest.
pub(super) struct Link {
    pub desktop: Arc<SpiceAgent>,
    pub files: Arc<GuestFiles>,
}

impl GuestAgentSink for Link {
    fn offer(&self, types: &[ContentType]) {
        self.desktop.offer(&types.iter().copied().map(kind).collect::<Vec<_>>());
    }

    fn request(&self, content: ContentType) {
        self.desktop.request(kind(content));
    }

    fn provide(&self, content: ContentType, contents: Option<Vec<u8>>) {
        self.desktop.provide(kind(content), contents);
    }

    fn start_upload(&self, file: u32, name: &str, size: u64) {
        self.desktop.start_file(file, name, size);
    }

    fn upload_data(&self, file: u32, bytes: &[u8]) {
        self.desktop.file_data(file, bytes);
    }

    fn cancel_upload(&self, file: u32) {
        self.desktop.cancel_file(file);
    }

    fn accept_download(&self, file: u32) {
        self.files.take(file);
    }

    fn ack_download(&self, file: u32, received: u64) {
        self.files.taken(file, received);
    }

    fn reject_download(&self, file: u32, reason: &str) {
        self.files.refuse(file, reason);
    }
}

/// From the guest to the viewers: the file that somebody there sends.
pub(super) fn download_event(news: send::News) -> DownloadEvent {
    match news {
        send::News::Offered { name, size } => DownloadEvent::Offered { name, size },
        send::News::Bytes(bytes) => DownloadEvent::Data(bytes),
        send::News::Whole => DownloadEvent::End,
        send::News::Gone => DownloadEvent::Cancelled,
    }
}

/// From the guest to the viewers.
pub(super) fn retell(redirection: &RedirectionHub, news: News) {
    match news {
        News::Abilities(can) => {
            tracing::info!(?can, "what the desktop's agent can do");
            redirection.set_abilities(|abilities| {
                (abilities.clipboard, abilities.resize, abilities.files) =
                    (can.clipboard, can.resize, can.files);
            });
        }
        News::Offered(kinds) => redirection.guest_clipboard_offer(kinds.into_iter().map(content).collect()),
        News::Wanted(kind) => redirection.guest_clipboard_request(content(kind)),
        News::Contents(kind, contents) => redirection.guest_clipboard_data(content(kind), contents),
        News::File(file, news) => redirection.upload_event(
            file,
            match news {
                spice::FileNews::Accepted => UploadEvent::Accepted,
                spice::FileNews::Written(bytes) => UploadEvent::Written(bytes),
                spice::FileNews::Done => UploadEvent::Done,
                spice::FileNews::Failed(text) => UploadEvent::Failed(text),
            },
        ),
        News::Monitors { taken } => tracing::debug!(taken, "the desktop's agent answered a layout"),
    }
}
