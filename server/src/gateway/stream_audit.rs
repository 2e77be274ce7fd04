//! Audit of one stream: its opening and its close, and what crossed it, summed up for each minute.
//!
//! Files are recorded with name and size, the clipboard with its size, never contents. A hostile client
//! cannot fill the log: beyond a number of files a minute, and for everything else, there are sums.

use oriel_auth::{Attempt, AuditLog, AuthError, Entry};
use oriel_wire::{Direction, MessageClass, MessageKind};
use parking_lot::Mutex;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// Time after the first message of a sum until it is recorded.
const GATHER: Duration = Duration::from_secs(2);
/// Minimum interval between two records of sums.
const EVERY: Duration = Duration::from_secs(60);
/// Maximum number of files that are recorded by name in an interval.
const NAMED: usize = 32;
/// Maximum number of file offers whose names are remembered until they are accepted.
const OFFERS: usize = 64;
/// Maximum number of characters of a file's name that are recorded.
const LONGEST_NAME: usize = 255;

/// Direction of contents, with the name in the audit log.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    ToDesktop,
    FromDesktop,
}

impl Flow {
    const ALL: [Self; 2] = [Self::ToDesktop, Self::FromDesktop];

    fn file_action(self) -> &'static str {
        match self {
            Self::ToDesktop => "file.to-desktop",
            Self::FromDesktop => "file.from-desktop",
        }
    }

    fn clipboard_action(self) -> &'static str {
        match self {
            Self::ToDesktop => "clipboard.to-desktop",
            Self::FromDesktop => "clipboard.from-desktop",
        }
    }
}

/// Sums of one direction.
#[derive(Default)]
struct Sums {
    clipboard_transfers: u64,
    clipboard_bytes: u64,
    file_bytes: u64,
    /// Files beyond [`NAMED`], with the sum of their sizes.
    more_files: u64,
    more_files_bytes: u64,
}

/// What crossed a stream since the last record.
#[derive(Default)]
struct Tally {
    to_desktop: Sums,
    from_desktop: Sums,
    /// Started files with name and size in bytes.
    files: Vec<(Flow, String, u64)>,
    refused_clipboard: u64,
    refused_files: u64,
    /// Offered files that the client has not answered.
    offers: BTreeMap<u32, (String, u64)>,
    /// Entries that could not be recorded, as action and detail.
    unrecorded: Vec<(&'static str, String)>,
}

impl Tally {
    fn sums(&mut self, flow: Flow) -> &mut Sums {
        match flow {
            Flow::ToDesktop => &mut self.to_desktop,
            Flow::FromDesktop => &mut self.from_desktop,
        }
    }

    /// Adds a started file.
    fn start(&mut self, flow: Flow, name: String, size: u64) {
        if self.files.len() < NAMED {
            self.files.push((flow, name, size));
        } else {
            let sums = self.sums(flow);
            sums.more_files += 1;
            sums.more_files_bytes = sums.more_files_bytes.saturating_add(size);
        }
    }

    /// Returns the entries of all sums as action and detail, and begins new sums.
    fn take_entries(&mut self) -> Vec<(&'static str, String)> {
        let mut entries = std::mem::take(&mut self.unrecorded);
        for (flow, name, size) in self.files.drain(..) {
            entries.push((flow.file_action(), format!("\"{name}\", {size} bytes")));
        }
        for flow in Flow::ALL {
            let sums = std::mem::take(self.sums(flow));
            if sums.file_bytes > 0 || sums.more_files > 0 {
                let mut detail = format!("{} bytes carried", sums.file_bytes);
                if sums.more_files > 0 {
                    // Writing to a String cannot fail.
                    let _ =
                        write!(detail, "; {} more files of {} bytes", sums.more_files, sums.more_files_bytes);
                }
                entries.push((flow.file_action(), detail));
            }
            if sums.clipboard_transfers > 0 || sums.clipboard_bytes > 0 {
                let detail =
                    format!("{} transfers, {} bytes", sums.clipboard_transfers, sums.clipboard_bytes);
                entries.push((flow.clipboard_action(), detail));
            }
        }
        for (action, count) in
            [("clipboard.refused", &mut self.refused_clipboard), ("file.refused", &mut self.refused_files)]
        {
            let count = std::mem::take(count);
            if count > 0 {
                entries.push((action, format!("{count} messages, by the pool's policy")));
            }
        }
        entries
    }
}

/// JSON body of the message FileOffer, as far as the audit needs it.
#[derive(Deserialize)]
struct FileOffer {
    offer: u32,
    name: String,
    size: u64,
}

/// Audit of one stream.
pub struct StreamAudit {
    log: AuditLog,
    attempt: Attempt,
    tally: Mutex<Tally>,
    changed: Notify,
    /// Whether the last record failed, so that no further transfer may pass.
    failing: AtomicBool,
    opened: Instant,
}

impl StreamAudit {
    /// Makes the audit of a stream that is about to open; the attempt names the user, the desktop and the
    /// client.
    pub fn new(log: AuditLog, attempt: Attempt) -> Self {
        Self {
            log,
            attempt,
            tally: Mutex::default(),
            changed: Notify::new(),
            failing: AtomicBool::new(false),
            opened: Instant::now(),
        }
    }

    /// Records that the stream opens.
    ///
    /// # Errors
    /// The opening could not be recorded, and must be refused.
    pub(super) async fn open(&self, mode: &str) -> Result<(), AuthError> {
        let attempt = Attempt { detail: mode.to_owned(), ..self.attempt.clone() };
        self.log.record_detached(attempt).await.map(drop)
    }

    /// Records the last sums and that the stream has closed.
    pub(super) async fn close(&self, reason: &str) {
        self.flush().await;
        let detail = format!("after {} s: {reason}", self.opened.elapsed().as_secs());
        if let Err(error) = self.log.record(self.entry("stream.close", &detail)).await {
            tracing::error!(%error, "the close of a stream could not be recorded");
        }
    }

    /// Records sums as they arise, without end.
    pub(super) async fn follow(&self) {
        loop {
            self.changed.notified().await;
            tokio::time::sleep(GATHER).await;
            self.flush().await;
            let pause = if self.failing.load(Ordering::Relaxed) { GATHER } else { EVERY };
            tokio::time::sleep(pause).await;
        }
    }

    /// Returns whether a message of the kind may pass: a transfer only while transfers can be recorded.
    pub(super) fn permits(&self, kind: MessageKind) -> bool {
        !self.failing.load(Ordering::Relaxed)
            || !matches!(kind.class(), MessageClass::Clipboard | MessageClass::Files)
    }

    /// Counts a message that passes.
    pub(super) fn passed(&self, kind: MessageKind, message: &[u8]) {
        let length = |header: usize| message.len().saturating_sub(header) as u64;
        let last = || u64::from(message.get(5).is_some_and(|flags| flags & 1 != 0));
        let mut tally = self.tally.lock();
        match kind {
            MessageKind::ClipboardDataToServer | MessageKind::ClipboardDataToClient => {
                let sums = tally.sums(match kind.direction() {
                    Direction::ToServer => Flow::ToDesktop,
                    Direction::ToClient => Flow::FromDesktop,
                });
                sums.clipboard_transfers += last();
                sums.clipboard_bytes += length(6);
            }
            MessageKind::FileStart => {
                let size = message.get(5..13).and_then(|bytes| bytes.try_into().ok());
                let name = shown_name(&String::from_utf8_lossy(message.get(13..).unwrap_or_default()));
                tally.start(Flow::ToDesktop, name, size.map_or(0, u64::from_le_bytes));
            }
            MessageKind::FileData => tally.to_desktop.file_bytes += length(5),
            MessageKind::FileContent => tally.from_desktop.file_bytes += length(6),
            MessageKind::FileOffer => {
                let offer = message.get(1..).and_then(|body| serde_json::from_slice(body).ok());
                if let Some(FileOffer { offer, name, size }) = offer {
                    if tally.offers.len() >= OFFERS {
                        tally.offers.pop_first();
                    }
                    tally.offers.insert(offer, (shown_name(&name), size));
                }
                return;
            }
            MessageKind::FileAnswer => {
                let offer = message.get(1..5).and_then(|bytes| bytes.try_into().ok()).map(u32::from_le_bytes);
                let offered = offer.and_then(|offer| tally.offers.remove(&offer));
                match (message.get(5), offered) {
                    (Some(1), Some((name, size))) => tally.start(Flow::FromDesktop, name, size),
                    (Some(1), None) => tally.start(Flow::FromDesktop, "(unknown)".into(), 0),
                    _ => return,
                }
            }
            _ => return,
        }
        drop(tally);
        self.changed.notify_one();
    }

    /// Counts a message that the pool's policy refused.
    pub(super) fn refused(&self, direction: Direction, message: &[u8]) {
        let Some(kind) = MessageKind::of(direction, message) else { return };
        match kind.class() {
            MessageClass::Clipboard => self.tally.lock().refused_clipboard += 1,
            MessageClass::Files => self.tally.lock().refused_files += 1,
            _ => return,
        }
        self.changed.notify_one();
    }

    /// Records the sums since the last record.
    async fn flush(&self) {
        let mut entries = self.tally.lock().take_entries().into_iter();
        while let Some((action, detail)) = entries.next() {
            if let Err(error) = self.log.record(self.entry(action, &detail)).await {
                tracing::error!(%error, "transfers could not be recorded; further ones are refused");
                self.failing.store(true, Ordering::Relaxed);
                let rest = std::iter::once((action, detail)).chain(entries).collect();
                self.tally.lock().unrecorded = rest;
                self.changed.notify_one();
                return;
            }
        }
        self.failing.store(false, Ordering::Relaxed);
    }

    fn entry<'a>(&'a self, action: &'a str, detail: &'a str) -> Entry<'a> {
        let Attempt { actor, subject, address, .. } = &self.attempt;
        Entry { actor, action, subject, address, detail }
    }
}

/// Cuts a file's name to [`LONGEST_NAME`] characters.
fn shown_name(name: &str) -> String {
    name.chars().take(LONGEST_NAME).collect()
}
