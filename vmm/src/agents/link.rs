//! Translation between the viewers' redirection hub and the agents of the guest's desktop.
//!
//! [`Link`] carries requests of viewers to spice-vdagent and oriel-send; [`forward_event`] and
//! [`download_event`] carry events of these agents to the viewers. No state is kept here.

use oriel_agents::send::{FileEvent, GuestFileReceiver};
use oriel_agents::spice::{AgentEvent, ClipboardType, FileXferEvent, MonConfig, SpiceAgent};
use oriel_display::RedirectionHub;
use oriel_display::redirection::{DownloadEvent, GuestAgentSink, UploadEvent};
use oriel_wire::{ContentType, MonitorConfig};
use std::sync::Arc;

/// Converts a viewer's content type to the agent's clipboard type.
fn clipboard_type(content: ContentType) -> ClipboardType {
    match content {
        ContentType::Text => ClipboardType::Text,
        ContentType::Png => ClipboardType::Png,
    }
}

/// Converts an agent's clipboard type to the viewers' content type.
fn content_type(clipboard: ClipboardType) -> ContentType {
    match clipboard {
        ClipboardType::Text => ContentType::Text,
        ClipboardType::Png => ContentType::Png,
    }
}

/// Converts a requested layout to the agent's monitors; a screen without a request has the size 0 × 0, which
/// is off.
pub(super) fn monitors(screens: &[Option<MonitorConfig>]) -> Vec<MonConfig> {
    let off = MonConfig { x: 0, y: 0, width: 0, height: 0 };
    let on = |wanted: &MonitorConfig| {
        let MonitorConfig { x, y, size, .. } = *wanted;
        MonConfig { x, y, width: size.width, height: size.height }
    };
    screens.iter().map(|wanted| wanted.as_ref().map_or(off, on)).collect()
}

/// Sink of the viewers' requests: clipboard requests go to spice-vdagent, files to both agents.
pub(super) struct Link {
    /// Protocol of spice-vdagent, for the clipboard and uploads.
    pub desktop: Arc<SpiceAgent>,
    /// Protocol of oriel-send, for downloads.
    pub files: Arc<GuestFileReceiver>,
}

impl GuestAgentSink for Link {
    fn offer(&self, types: &[ContentType]) {
        self.desktop.grab_clipboard(&types.iter().copied().map(clipboard_type).collect::<Vec<_>>());
    }

    fn request(&self, content: ContentType) {
        self.desktop.request_clipboard(clipboard_type(content));
    }

    fn provide(&self, content: ContentType, contents: Option<Vec<u8>>) {
        self.desktop.send_clipboard(clipboard_type(content), contents);
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

/// Converts an event of oriel-send about a file that the guest sends to the viewers' download event.
pub(super) fn download_event(event: FileEvent) -> DownloadEvent {
    match event {
        FileEvent::Offered { name, size } => DownloadEvent::Offered { name, size },
        FileEvent::Data(bytes) => DownloadEvent::Data(bytes),
        FileEvent::Complete => DownloadEvent::End,
        FileEvent::Aborted => DownloadEvent::Cancelled,
    }
}

/// Forwards an event of spice-vdagent to the viewers' hub.
pub(super) fn forward_event(redirection: &RedirectionHub, event: AgentEvent) {
    match event {
        AgentEvent::Features(features) => {
            oriel_vmm_api::log_limited!(info, ?features, "the desktop's agent reported its features");
            redirection.set_abilities(|abilities| {
                (abilities.clipboard, abilities.resize, abilities.files) =
                    (features.clipboard, features.monitors_config, features.file_xfer);
            });
        }
        AgentEvent::ClipboardGrab(types) => {
            redirection.guest_clipboard_offer(types.into_iter().map(content_type).collect())
        }
        AgentEvent::ClipboardRequest(requested) => {
            redirection.guest_clipboard_request(content_type(requested))
        }
        AgentEvent::ClipboardData(clipboard, contents) => {
            redirection.guest_clipboard_data(content_type(clipboard), contents)
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

#[cfg(test)]
mod tests {
    use super::*;
    use oriel_agents::spice::AgentFeatures;
    use std::sync::Mutex;

    /// Log lines of `action`.
    fn logged(action: impl FnOnce()) -> usize {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let to = Arc::clone(&lines);
        let subscriber = tracing_subscriber::fmt().with_writer(move || Lines(Arc::clone(&to))).finish();
        tracing::subscriber::with_default(subscriber, action);
        lines.lock().unwrap().iter().filter(|byte| **byte == b'\n').count()
    }

    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_guest_that_announces_itself_in_a_loop_does_not_fill_the_log() {
        let hub = RedirectionHub::new();
        let lines = logged(|| {
            for number in 0..10_000 {
                let features = AgentFeatures { clipboard: number % 2 == 0, ..AgentFeatures::default() };
                forward_event(&hub, AgentEvent::Features(features));
            }
        });
        assert!((1..100).contains(&lines), "{lines} lines");
    }
}
