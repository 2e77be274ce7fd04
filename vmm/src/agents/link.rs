//! Between the redirection of the viewers and the agents of the guest's desktop: the same things under
//! the names that each side has for them.

use oriel_agents::send::{FileEvent, GuestFileReceiver};
use oriel_agents::spice::{AgentEvent, ClipboardType, FileXferEvent, MonConfig, SpiceAgent};
use oriel_display::RedirectionHub;
use oriel_display::redirection::{DownloadEvent, GuestAgentSink, UploadEvent};
use oriel_wire::{ContentType, MonitorConfig};
use std::sync::Arc;

fn kind(content: ContentType) -> ClipboardType {
    match content {
        ContentType::Text => ClipboardType::Text,
        ContentType::Png => ClipboardType::Png,
    }
}

fn content(kind: ClipboardType) -> ContentType {
    match kind {
        ClipboardType::Text => ContentType::Text,
        ClipboardType::Png => ContentType::Png,
    }
}

/// The screens as the agent is told of them; one that nobody wants is off.
pub(super) fn monitors(screens: &[Option<MonitorConfig>]) -> Vec<MonConfig> {
    let off = MonConfig { x: 0, y: 0, width: 0, height: 0 };
    let on = |wanted: &MonitorConfig| {
        let MonitorConfig { x, y, size, .. } = *wanted;
        MonConfig { x, y, width: size.width, height: size.height }
    };
    screens.iter().map(|wanted| wanted.as_ref().map_or(off, on)).collect()
}

/// From the viewers to the guest.
pub(super) struct Link {
    pub desktop: Arc<SpiceAgent>,
    pub files: Arc<GuestFileReceiver>,
}

impl GuestAgentSink for Link {
    fn offer(&self, types: &[ContentType]) {
        self.desktop.grab_clipboard(&types.iter().copied().map(kind).collect::<Vec<_>>());
    }

    fn request(&self, content: ContentType) {
        self.desktop.request_clipboard(kind(content));
    }

    fn provide(&self, content: ContentType, contents: Option<Vec<u8>>) {
        self.desktop.send_clipboard(kind(content), contents);
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
        self.files.accept(file);
    }

    fn ack_download(&self, file: u32, received: u64) {
        self.files.acknowledge(file, received);
    }

    fn reject_download(&self, file: u32, reason: &str) {
        self.files.reject(file, reason);
    }
}

/// From the guest to the viewers: the file that somebody there sends.
pub(super) fn download_event(event: FileEvent) -> DownloadEvent {
    match event {
        FileEvent::Offered { name, size } => DownloadEvent::Offered { name, size },
        FileEvent::Data(bytes) => DownloadEvent::Data(bytes),
        FileEvent::Complete => DownloadEvent::End,
        FileEvent::Aborted => DownloadEvent::Cancelled,
    }
}

/// From the guest to the viewers.
pub(super) fn retell(redirection: &RedirectionHub, event: AgentEvent) {
    match event {
        AgentEvent::Features(features) => {
            tracing::info!(?features, "what the desktop's agent can do");
            redirection.set_abilities(|abilities| {
                (abilities.clipboard, abilities.resize, abilities.files) =
                    (features.clipboard, features.monitors_config, features.file_xfer);
            });
        }
        AgentEvent::ClipboardGrab(kinds) => {
            redirection.guest_clipboard_offer(kinds.into_iter().map(content).collect())
        }
        AgentEvent::ClipboardRequest(kind) => redirection.guest_clipboard_request(content(kind)),
        AgentEvent::ClipboardData(kind, contents) => {
            redirection.guest_clipboard_data(content(kind), contents)
        }
        AgentEvent::FileXfer(file, event) => redirection.upload_event(
            file,
            match event {
                FileXferEvent::Accepted => UploadEvent::Accepted,
                FileXferEvent::Sent(bytes) => UploadEvent::Written(bytes),
                FileXferEvent::Done => UploadEvent::Done,
                FileXferEvent::Failed(text) => UploadEvent::Failed(text),
            },
        ),
        AgentEvent::MonitorsConfigReply { success } => {
            tracing::debug!(success, "the desktop's agent answered a layout")
        }
    }
}
