//! Copy and paste. Contents travel only when somebody pastes: until then each side knows what the
//! other has to offer. A guest has several selections; the one meant here is the clipboard.

use super::wire::{self, Capabilities, message};
use super::{AgentEvent, ClipboardType, MAX_CLIPBOARD_BYTES};
use std::time::{Duration, Instant};

/// An answer may take so long after the last sign of it.
const PATIENCE: Duration = Duration::from_secs(20);
/// The person's side may take so long: there may be a slow line in between.
const OUR_PATIENCE: Duration = Duration::from_secs(60);

/// The clipboard among the guest's selections.
const SELECTION: u8 = 0;

/// What the guest waits for in one kind.
#[derive(Debug, Default)]
enum Wanted {
    #[default]
    Nothing,
    /// The person's side was asked.
    Since(Instant),
    /// To be sent.
    Answer(Option<Vec<u8>>),
}

/// What we wait for.
#[derive(Debug)]
struct Asked {
    kind: ClipboardType,
    sent: bool,
    until: Instant,
}

/// Both clipboards.
#[derive(Debug, Default)]
pub(super) struct Clipboard {
    /// What the host's side has; it outlives the guest's agent.
    ours: Vec<ClipboardType>,
    /// The guest does not know that yet.
    offer_due: bool,
    /// What the guest has.
    theirs: Vec<ClipboardType>,
    asked: Option<Asked>,
    wanted: [Wanted; ClipboardType::ALL.len()],
}

fn slot(kind: ClipboardType) -> usize {
    match kind {
        ClipboardType::Text => 0,
        ClipboardType::Png => 1,
    }
}

impl Clipboard {
    /// The host's side has something else now.
    pub fn offer(&mut self, kinds: &[ClipboardType], events: &mut Vec<AgentEvent>) {
        if !kinds.is_empty() {
            self.theirs.clear();
            self.give_up(events);
        } else if self.ours.is_empty() {
            return;
        }
        self.ours = kinds.to_vec();
        self.offer_due = true;
        self.leave_unanswered();
    }

    /// The host's side pastes what the guest offered.
    pub fn request(&mut self, kind: ClipboardType, now: Instant, events: &mut Vec<AgentEvent>) {
        if self.asked.is_some() || !self.theirs.contains(&kind) {
            events.push(AgentEvent::ClipboardData(kind, None));
        } else {
            self.asked = Some(Asked { kind, sent: false, until: now + PATIENCE });
        }
    }

    /// The answer to [`AgentEvent::ClipboardRequest`]; without that it is of no use any more.
    pub fn provide(&mut self, kind: ClipboardType, contents: Option<Vec<u8>>) {
        if let Some(wanted @ Wanted::Since(_)) = self.wanted.get_mut(slot(kind)) {
            *wanted = Wanted::Answer(contents.filter(|contents| contents.len() <= MAX_CLIPBOARD_BYTES));
        }
    }

    /// The longest contents that a message may have now.
    pub fn max_incoming(&self) -> usize {
        // Number and selection come before them.
        if self.asked.is_some() { MAX_CLIPBOARD_BYTES + 8 } else { 0 }
    }

    /// Something came from the guest: an answer is on its way.
    pub fn extend_deadline(&mut self, now: Instant) {
        if let Some(asked) = &mut self.asked {
            asked.until = now + PATIENCE;
        }
    }

    /// A new agent is there: it is told what we have.
    pub fn agent_connected(&mut self) {
        self.offer_due = !self.ours.is_empty();
    }

    /// The agent went, and with it all that it waited for and offered.
    pub fn agent_disconnected(&mut self, events: &mut Vec<AgentEvent>) {
        self.wanted = Default::default();
        self.give_up(events);
        if !std::mem::take(&mut self.theirs).is_empty() {
            events.push(AgentEvent::ClipboardGrab(Vec::new()));
        }
    }

    /// When [`Self::tick`] is due.
    pub fn deadline(&self) -> Option<Instant> {
        let wanted = self.wanted.iter().filter_map(|wanted| match wanted {
            Wanted::Since(since) => Some(*since + OUR_PATIENCE),
            Wanted::Nothing | Wanted::Answer(_) => None,
        });
        self.asked.iter().map(|asked| asked.until).chain(wanted).min()
    }

    /// Gives up what takes too long.
    pub fn tick(&mut self, now: Instant, events: &mut Vec<AgentEvent>) {
        if self.asked.as_ref().is_some_and(|asked| asked.until <= now) {
            self.give_up(events);
        }
        for wanted in &mut self.wanted {
            if matches!(wanted, Wanted::Since(since) if *since + OUR_PATIENCE <= now) {
                *wanted = Wanted::Answer(None);
            }
        }
    }

    /// Takes one of the guest's clipboard messages; `None` if it is malformed.
    pub fn receive(
        &mut self,
        kind: u32,
        body: Vec<u8>,
        theirs: Capabilities,
        now: Instant,
        events: &mut Vec<AgentEvent>,
    ) -> Option<()> {
        let mut body = &body[..];
        if theirs.has(Capabilities::CLIPBOARD_SELECTION) {
            let (selection, rest) = body.split_first_chunk::<4>()?;
            if selection[0] != SELECTION {
                return Some(());
            }
            body = rest;
        }
        match kind {
            message::CLIPBOARD_GRAB => {
                if !body.len().is_multiple_of(4) {
                    return None;
                }
                let mut kinds = Vec::new();
                let numbers = body.chunks_exact(4).filter_map(|number| wire::u32_first(number));
                for kind in numbers.filter_map(|(number, _)| wire::kind(number)) {
                    if !kinds.contains(&kind) {
                        kinds.push(kind);
                    }
                }
                self.ours.clear();
                self.offer_due = false;
                self.offered(kinds, events);
            }
            message::CLIPBOARD_RELEASE if !self.theirs.is_empty() => self.offered(Vec::new(), events),
            message::CLIPBOARD_REQUEST => self.wants(wire::u32_first(body)?.0, now, events),
            message::CLIPBOARD => {
                let (number, contents) = wire::u32_first(body)?;
                self.arrived(number, contents, theirs, events);
            }
            _ => {}
        }
        Some(())
    }

    /// Contents came that were too long.
    pub fn too_long(&mut self, events: &mut Vec<AgentEvent>) {
        self.give_up(events);
    }

    fn offered(&mut self, kinds: Vec<ClipboardType>, events: &mut Vec<AgentEvent>) {
        self.give_up(events);
        self.theirs.clone_from(&kinds);
        events.push(AgentEvent::ClipboardGrab(kinds));
    }

    fn wants(&mut self, number: u32, now: Instant, events: &mut Vec<AgentEvent>) {
        // An agent asks for what was offered; another kind has no place where an answer could wait.
        let Some(kind) = wire::kind(number) else { return };
        let offered = self.ours.contains(&kind);
        let Some(wanted) = self.wanted.get_mut(slot(kind)) else { return };
        if matches!(wanted, Wanted::Nothing) {
            *wanted = if offered { Wanted::Since(now) } else { Wanted::Answer(None) };
            if offered {
                events.push(AgentEvent::ClipboardRequest(kind));
            }
        }
    }

    fn arrived(&mut self, number: u32, contents: &[u8], theirs: Capabilities, events: &mut Vec<AgentEvent>) {
        let Some(Asked { kind, .. }) = self.asked.take_if(|asked| asked.sent) else { return };
        let contents = (wire::kind(number) == Some(kind)).then(|| match kind {
            ClipboardType::Text => {
                let text = String::from_utf8_lossy(contents);
                let crlf = theirs.has(Capabilities::GUEST_LINEEND_CRLF);
                if crlf { text.replace("\r\n", "\n") } else { text.into_owned() }.into_bytes()
            }
            ClipboardType::Png => contents.to_vec(),
        });
        events.push(AgentEvent::ClipboardData(kind, contents));
    }

    fn give_up(&mut self, events: &mut Vec<AgentEvent>) {
        if let Some(asked) = self.asked.take() {
            events.push(AgentEvent::ClipboardData(asked.kind, None));
        }
    }

    /// The guest gets nothing of what it waits for.
    fn leave_unanswered(&mut self) {
        for wanted in &mut self.wanted {
            if matches!(wanted, Wanted::Since(_)) {
                *wanted = Wanted::Answer(None);
            }
        }
    }

    /// What is to be said next: a message's type, the beginning of its body and the rest.
    pub fn next_message(&mut self, theirs: Capabilities) -> Option<(u32, Vec<u8>, Vec<u8>)> {
        let head = |numbers: &[u32]| {
            let selected = theirs.has(Capabilities::CLIPBOARD_SELECTION);
            let mut head = if selected { vec![SELECTION, 0, 0, 0] } else { Vec::new() };
            head.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
            head
        };
        for kind in ClipboardType::ALL {
            let Some(wanted) = self.wanted.get_mut(slot(kind)) else { continue };
            if let Wanted::Answer(contents) = wanted {
                let contents = contents.take();
                *wanted = Wanted::Nothing;
                // The protocol has a kind for "none", for which agents on Linux find no request and
                // leave the program that pastes waiting; contents without a byte end its wait.
                let contents = contents.map(|contents| for_guest(kind, contents, theirs));
                let head = head(&[wire::number(kind)]);
                return Some((message::CLIPBOARD, head, contents.unwrap_or_default()));
            }
        }
        if std::mem::take(&mut self.offer_due) {
            let numbers: Vec<u32> = self.ours.iter().copied().map(wire::number).collect();
            let kind = if numbers.is_empty() { message::CLIPBOARD_RELEASE } else { message::CLIPBOARD_GRAB };
            return Some((kind, head(&numbers), Vec::new()));
        }
        let asked = self.asked.as_mut().filter(|asked| !asked.sent)?;
        asked.sent = true;
        Some((message::CLIPBOARD_REQUEST, head(&[wire::number(asked.kind)]), Vec::new()))
    }
}

/// Contents as the guest wants them.
fn for_guest(kind: ClipboardType, contents: Vec<u8>, theirs: Capabilities) -> Vec<u8> {
    if kind != ClipboardType::Text || !theirs.has(Capabilities::GUEST_LINEEND_CRLF) {
        return contents;
    }
    let mut out = Vec::with_capacity(contents.len());
    let mut before = 0;
    for byte in contents {
        if byte == b'\n' && before != b'\r' {
            out.push(b'\r');
        }
        out.push(byte);
        before = byte;
    }
    out
}
