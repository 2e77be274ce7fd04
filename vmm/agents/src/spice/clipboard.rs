//! Clipboard on demand (`VD_AGENT_CAP_CLIPBOARD_BY_DEMAND`): grabs announce types, and contents are sent only
//! when one side pastes. Of the guest's selections only the clipboard is used.

use super::types::{AgentEvent, ClipboardType, MAX_CLIPBOARD_BYTES};
use super::wire::{self, Capabilities, message};
use std::time::{Duration, Instant};

/// Maximum time until the guest's contents, since the last bytes from the guest.
const GUEST_TIMEOUT: Duration = Duration::from_secs(20);
/// Maximum time until the viewer's contents, which may use a slow connection.
const VIEWER_TIMEOUT: Duration = Duration::from_secs(60);

/// Number of the clipboard selection (`VD_AGENT_CLIPBOARD_SELECTION_CLIPBOARD`).
const SELECTION: u8 = 0;

/// State of the guest's request for contents of one type.
#[derive(Debug, Default)]
enum GuestRequest {
    /// Without a request.
    #[default]
    Idle,
    /// Time at which the request was forwarded to a viewer.
    Forwarded(Instant),
    /// Contents to send; `None` sends empty contents.
    Answered(Option<Vec<u8>>),
}

/// Request for contents of the guest's clipboard.
#[derive(Debug)]
struct HostRequest {
    clipboard_type: ClipboardType,
    sent: bool,
    until: Instant,
}

/// Clipboard state of host and guest.
#[derive(Debug, Default)]
pub(super) struct Clipboard {
    /// Types that the host has grabbed; kept when the guest's agent disconnects.
    host_types: Vec<ClipboardType>,
    /// Whether the grab or release is still to be sent.
    grab_due: bool,
    /// Types that the guest has grabbed.
    guest_types: Vec<ClipboardType>,
    host_request: Option<HostRequest>,
    guest_requests: [GuestRequest; ClipboardType::ALL.len()],
}

/// Returns the index of a type in [`Clipboard::guest_requests`].
fn slot(clipboard_type: ClipboardType) -> usize {
    match clipboard_type {
        ClipboardType::Text => 0,
        ClipboardType::Png => 1,
    }
}

impl Clipboard {
    /// Grabs the clipboard for the host with `types`, or releases the clipboard if `types` is empty.
    pub fn grab(&mut self, types: &[ClipboardType], events: &mut Vec<AgentEvent>) {
        if !types.is_empty() {
            self.guest_types.clear();
            self.fail_host_request(events);
        } else if self.host_types.is_empty() {
            return;
        }
        self.host_types = types.to_vec();
        self.grab_due = true;
        self.answer_guest_with_nothing();
    }

    /// Requests contents of a type that the guest grabbed; reports no contents for other types, and while
    /// another request is pending.
    pub fn request(&mut self, clipboard_type: ClipboardType, now: Instant, events: &mut Vec<AgentEvent>) {
        if self.host_request.is_some() || !self.guest_types.contains(&clipboard_type) {
            events.push(AgentEvent::ClipboardData(clipboard_type, None));
        } else {
            self.host_request = Some(HostRequest { clipboard_type, sent: false, until: now + GUEST_TIMEOUT });
        }
    }

    /// Answers [`AgentEvent::ClipboardRequest`]. Contents without a pending request are dropped.
    pub fn send(&mut self, clipboard_type: ClipboardType, contents: Option<Vec<u8>>) {
        if let Some(request @ GuestRequest::Forwarded(_)) = self.guest_requests.get_mut(slot(clipboard_type))
        {
            *request =
                GuestRequest::Answered(contents.filter(|contents| contents.len() <= MAX_CLIPBOARD_BYTES));
        }
    }

    /// Maximum length in bytes of a clipboard message that is accepted now.
    pub fn max_incoming(&self) -> usize {
        // Type and selection come before the contents.
        if self.host_request.is_some() { MAX_CLIPBOARD_BYTES + 8 } else { 0 }
    }

    /// Restarts the timeout of the host's request, since bytes from the guest may be part of the contents.
    pub fn extend_deadline(&mut self, now: Instant) {
        if let Some(request) = &mut self.host_request {
            request.until = now + GUEST_TIMEOUT;
        }
    }

    /// Schedules the host's grab for an agent that has announced itself.
    pub fn agent_connected(&mut self) {
        self.grab_due = !self.host_types.is_empty();
    }

    /// Ends requests and grabs of the agent, which has disconnected.
    pub fn agent_disconnected(&mut self, events: &mut Vec<AgentEvent>) {
        self.guest_requests = Default::default();
        self.fail_host_request(events);
        if !std::mem::take(&mut self.guest_types).is_empty() {
            events.push(AgentEvent::ClipboardGrab(Vec::new()));
        }
    }

    /// Time at which [`Self::tick`] is due; `None` without a pending request.
    pub fn deadline(&self) -> Option<Instant> {
        let request = self.guest_requests.iter().filter_map(|request| match request {
            GuestRequest::Forwarded(since) => Some(*since + VIEWER_TIMEOUT),
            GuestRequest::Idle | GuestRequest::Answered(_) => None,
        });
        self.host_request.iter().map(|request| request.until).chain(request).min()
    }

    /// Ends requests that have timed out by `now`.
    pub fn tick(&mut self, now: Instant, events: &mut Vec<AgentEvent>) {
        if self.host_request.as_ref().is_some_and(|request| request.until <= now) {
            self.fail_host_request(events);
        }
        for request in &mut self.guest_requests {
            if matches!(request, GuestRequest::Forwarded(since) if *since + VIEWER_TIMEOUT <= now) {
                *request = GuestRequest::Answered(None);
            }
        }
    }

    /// Processes a clipboard message of the guest; `None` if the message is malformed.
    pub fn receive(
        &mut self,
        message_type: u32,
        body: Vec<u8>,
        capabilities: Capabilities,
        now: Instant,
        events: &mut Vec<AgentEvent>,
    ) -> Option<()> {
        let mut body = &body[..];
        if capabilities.has(Capabilities::CLIPBOARD_SELECTION) {
            let (selection, rest) = body.split_first_chunk::<4>()?;
            if selection[0] != SELECTION {
                return Some(());
            }
            body = rest;
        }
        match message_type {
            message::CLIPBOARD_GRAB => {
                if !body.len().is_multiple_of(4) {
                    return None;
                }
                let mut types = Vec::new();
                let numbers = body.chunks_exact(4).filter_map(|number| wire::u32_first(number));
                for clipboard_type in numbers.filter_map(|(number, _)| wire::clipboard_type(number)) {
                    if !types.contains(&clipboard_type) {
                        types.push(clipboard_type);
                    }
                }
                self.host_types.clear();
                self.grab_due = false;
                self.guest_grabbed(types, events);
            }
            message::CLIPBOARD_RELEASE if !self.guest_types.is_empty() => {
                self.guest_grabbed(Vec::new(), events)
            }
            message::CLIPBOARD_REQUEST => self.guest_requested(wire::u32_first(body)?.0, now, events),
            message::CLIPBOARD => {
                let (number, contents) = wire::u32_first(body)?;
                self.guest_sent(number, contents, capabilities, events);
            }
            _ => {}
        }
        Some(())
    }

    /// Fails the host's request, whose contents exceeded [`MAX_CLIPBOARD_BYTES`].
    pub fn too_long(&mut self, events: &mut Vec<AgentEvent>) {
        self.fail_host_request(events);
    }

    /// Records and reports the guest's grab.
    fn guest_grabbed(&mut self, types: Vec<ClipboardType>, events: &mut Vec<AgentEvent>) {
        self.fail_host_request(events);
        self.guest_types.clone_from(&types);
        events.push(AgentEvent::ClipboardGrab(types));
    }

    /// Forwards the guest's request to the host, or answers with empty contents if the host lacks the type.
    fn guest_requested(&mut self, number: u32, now: Instant, events: &mut Vec<AgentEvent>) {
        // Agents request grabbed types; unknown types have no contents and get no answer.
        let Some(clipboard_type) = wire::clipboard_type(number) else { return };
        let offered = self.host_types.contains(&clipboard_type);
        let Some(request) = self.guest_requests.get_mut(slot(clipboard_type)) else { return };
        if matches!(request, GuestRequest::Idle) {
            *request = if offered { GuestRequest::Forwarded(now) } else { GuestRequest::Answered(None) };
            if offered {
                events.push(AgentEvent::ClipboardRequest(clipboard_type));
            }
        }
    }

    /// Reports contents from the guest as the answer to the host's request.
    fn guest_sent(
        &mut self,
        number: u32,
        contents: &[u8],
        capabilities: Capabilities,
        events: &mut Vec<AgentEvent>,
    ) {
        let Some(HostRequest { clipboard_type, .. }) = self.host_request.take_if(|request| request.sent)
        else {
            return;
        };
        let contents = (wire::clipboard_type(number) == Some(clipboard_type)).then(|| match clipboard_type {
            ClipboardType::Text => {
                let text = String::from_utf8_lossy(contents);
                let crlf = capabilities.has(Capabilities::GUEST_LINEEND_CRLF);
                if crlf { text.replace("\r\n", "\n") } else { text.into_owned() }.into_bytes()
            }
            ClipboardType::Png => contents.to_vec(),
        });
        events.push(AgentEvent::ClipboardData(clipboard_type, contents));
    }

    /// Reports that the host's request has no contents.
    fn fail_host_request(&mut self, events: &mut Vec<AgentEvent>) {
        if let Some(request) = self.host_request.take() {
            events.push(AgentEvent::ClipboardData(request.clipboard_type, None));
        }
    }

    /// Answers the guest's pending requests with empty contents.
    fn answer_guest_with_nothing(&mut self) {
        for request in &mut self.guest_requests {
            if matches!(request, GuestRequest::Forwarded(_)) {
                *request = GuestRequest::Answered(None);
            }
        }
    }

    /// Returns the next message to the agent: type, beginning of the body, rest of the body.
    pub fn next_message(&mut self, capabilities: Capabilities) -> Option<(u32, Vec<u8>, Vec<u8>)> {
        let head = |numbers: &[u32]| {
            let selected = capabilities.has(Capabilities::CLIPBOARD_SELECTION);
            let mut head = if selected { vec![SELECTION, 0, 0, 0] } else { Vec::new() };
            head.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
            head
        };
        for clipboard_type in ClipboardType::ALL {
            let Some(request) = self.guest_requests.get_mut(slot(clipboard_type)) else { continue };
            if let GuestRequest::Answered(contents) = request {
                let contents = contents.take();
                *request = GuestRequest::Idle;
                // The protocol has a type for "none", for which agents on Linux find no request and
                // leave the program that pastes waiting; contents without a byte end its wait.
                let contents = contents.map(|contents| for_guest(clipboard_type, contents, capabilities));
                let head = head(&[wire::clipboard_number(clipboard_type)]);
                return Some((message::CLIPBOARD, head, contents.unwrap_or_default()));
            }
        }
        if std::mem::take(&mut self.grab_due) {
            let numbers: Vec<u32> = self.host_types.iter().copied().map(wire::clipboard_number).collect();
            let message_type =
                if numbers.is_empty() { message::CLIPBOARD_RELEASE } else { message::CLIPBOARD_GRAB };
            return Some((message_type, head(&numbers), Vec::new()));
        }
        let request = self.host_request.as_mut().filter(|request| !request.sent)?;
        request.sent = true;
        Some((
            message::CLIPBOARD_REQUEST,
            head(&[wire::clipboard_number(request.clipboard_type)]),
            Vec::new(),
        ))
    }
}

/// Converts the line ends of text to those that the guest expects.
fn for_guest(clipboard_type: ClipboardType, contents: Vec<u8>, capabilities: Capabilities) -> Vec<u8> {
    if clipboard_type != ClipboardType::Text || !capabilities.has(Capabilities::GUEST_LINEEND_CRLF) {
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
