//! Encoder thread of an encode group: admits and detaches members, and composes frames for all that are
//! ready.

use super::member::{FrameRequest, GroupMember, SharedFrame};
use super::{EncodeGroup, JoiningMember};
use crate::cpu_time;
use crate::damage::Damage;
use crate::inbox::{CloseReason, FrameJob, Pending, Wait};
use crate::pipeline::frame_budget::Allowance;
use crate::pipeline::{Composed, Composer};
use crate::screen::{Screen, ScreenSubscription};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Time after the first request at which members without a request are detached.
const READY_TIMEOUT: Duration = Duration::from_millis(30);

/// Time for which a group with a single member is kept, in case another viewer joins.
const LINGER: Duration = Duration::from_secs(2);

/// Shortest time between two frames that answer no input, as for a single viewer.
const INTERVAL: Duration = Duration::from_millis(15);

/// State of the encoder thread: the members, and the composer whose picture all their clients have.
pub(super) struct GroupEncoder {
    group: Arc<EncodeGroup>,
    screen: Arc<Screen>,
    subscribed: ScreenSubscription,
    /// Shared composer; `None` before the first member.
    composer: Option<Composer>,
    members: Vec<Arc<GroupMember>>,
    /// Start of the last frame.
    last_look: Option<Instant>,
    /// Time since which a frame waits for members that are not ready.
    waiting_since: Option<Instant>,
    /// Time since which there is only one member.
    alone_since: Option<Instant>,
}

/// Task of the encoder thread.
enum Task {
    /// Admit or detach members.
    UpdateMembers,
    /// Compose a frame from this damage.
    Encode(Box<FrameJob>),
    /// Drop encoders that were unused for a while.
    Tidy,
    /// End, because the screen was closed.
    End,
}

impl GroupEncoder {
    /// Creates an encoder without members.
    pub fn new(group: Arc<EncodeGroup>, screen: Arc<Screen>, subscribed: ScreenSubscription) -> Self {
        Self {
            group,
            screen,
            subscribed,
            composer: None,
            members: Vec::new(),
            last_look: None,
            waiting_since: None,
            alone_since: None,
        }
    }

    /// Runs until the group has had a single member for two seconds, has no members, or the screen was
    /// closed.
    pub fn run(mut self) {
        loop {
            let inbox = Arc::clone(self.subscribed.inbox());
            match inbox.wait(|pending| self.ready(pending, Instant::now())) {
                Task::UpdateMembers => {}
                Task::Encode(work) => self.compose(*work, Instant::now()),
                Task::Tidy => self.composer.iter_mut().for_each(|composer| composer.tidy(Instant::now())),
                Task::End => {
                    self.group.try_stop();
                    return;
                }
            }
            self.remove_leaving();
            self.admit_joining(Instant::now());
            let over =
                self.members.is_empty() || self.alone_since.is_some_and(|since| since.elapsed() >= LINGER);
            if over && self.group.try_stop() {
                if let (Some(composer), Some(last)) = (self.composer.take(), self.members.pop()) {
                    last.return_composer(composer);
                }
                return;
            }
        }
    }

    /// Selects the next task, or returns until when there is none.
    fn ready(&mut self, pending: &mut Pending, now: Instant) -> Wait<Task> {
        if pending.close_reason.is_some() {
            return Wait::Take(Task::End);
        }
        if self.group.has_joining() || self.members.iter().any(|member| member.is_leaving()) {
            return Wait::Take(Task::UpdateMembers);
        }
        let Some(composer) = &self.composer else { return Wait::Forever };
        let (wants_frame, next_due) = (composer.wants_frame(now), composer.next_due());
        if self.alone_since.is_some_and(|since| now.duration_since(since) >= LINGER) {
            return Wait::Take(Task::UpdateMembers);
        }
        let wanted = !pending.damage.is_empty() || wants_frame;
        let due = match wanted.then(|| self.encode_at(now)) {
            Some(Some(when)) if when <= now => {
                return Wait::Take(Task::Encode(Box::new(pending.take_frame_job())));
            }
            Some(when) => when,
            None => match next_due {
                Some(due) if due <= now => return Wait::Take(Task::Tidy),
                due => due,
            },
        };
        let try_stop = self.alone_since.map(|since| since + LINGER);
        due.into_iter().chain(try_stop).min().map_or(Wait::Forever, Wait::Until)
    }

    /// Returns the time at which the next frame is due; `None` while no member has requested one.
    fn encode_at(&mut self, now: Instant) -> Option<Instant> {
        let requests: Vec<FrameRequest> =
            self.members.iter().filter_map(|member| member.frame_request()).collect();
        if requests.is_empty() {
            self.waiting_since = None;
            return None;
        }
        let urgent = requests.iter().any(|request| request.urgent);
        let look = self.last_look.filter(|_| !urgent).map_or(now, |look| look + INTERVAL);
        if requests.len() == self.members.len() {
            return Some(look);
        }
        let waiting_since = *self.waiting_since.get_or_insert(now);
        Some(look.max(waiting_since + READY_TIMEOUT))
    }

    /// Composes one frame for the members that are ready, and detaches the others.
    fn compose(&mut self, mut work: FrameJob, now: Instant) {
        self.waiting_since = None;
        self.last_look = Some(now);
        let most = self.max_frame_bytes();
        let Some(composer) = &mut self.composer else { return };
        let mut pointer_owner = None;
        let mut allowance = Allowance::ALL;
        let mut answers = Vec::with_capacity(self.members.len());
        self.members.retain(|member| match member.frame_request() {
            Some(request) if !request.capacity.is_far_below(most) => {
                allowance = allowance.least(request.capacity.allowance);
                if request.urgent || pointer_owner.is_none() {
                    pointer_owner = Some(Arc::clone(member));
                }
                // The frame also covers the damage in the member's own inbox.
                let own = member.inbox().take_frame_job();
                own.damage.rects().iter().for_each(|rect| work.damage.add(*rect));
                answers.push(own.trace);
                true
            }
            _ => detach(member, composer),
        });
        composer.allow(allowance);
        let showing = self.screen.showing();
        let pointer = showing.looked_at(pointer_owner.and_then(|member| member.inbox().client_pointer()));
        let cpu = cpu_time::of_this_thread();
        let composed = composer.compose(&*showing.pixels(), &work.damage, work.flushes, pointer, now);
        let encode = now.elapsed();
        self.screen.counters().encoded(encode, cpu_time::of_this_thread().saturating_sub(cpu));
        composer.tidy(now);
        let composed = composed.map(Arc::new);
        for (member, trace) in self.members.iter().zip(answers) {
            let flushed = work.flushed;
            match &composed {
                Some(composed) => {
                    let composed = Arc::clone(composed);
                    member.deliver(SharedFrame { composed, trace, flushed, encode });
                }
                None => trace.into_iter().for_each(|trace| member.inbox().retry_trace(trace)),
            }
        }
    }

    /// Returns the largest frame size in bytes that any requesting member allows.
    fn max_frame_bytes(&self) -> usize {
        let frames =
            self.members.iter().filter_map(|member| Some(member.frame_request()?.capacity.allowance.frame));
        frames.max().unwrap_or_default()
    }

    /// Detaches members that leave.
    fn remove_leaving(&mut self) {
        let Some(composer) = &self.composer else { return };
        self.members.retain(|member| !member.is_leaving() || detach(member, composer));
        self.update_alone_since();
    }

    /// Admits joining viewers: brings their clients' pictures up to the shared picture. A viewer with a much
    /// slower line is refused.
    fn admit_joining(&mut self, now: Instant) {
        for JoiningMember { member, composer: mut theirs, capacity } in self.group.take_joining() {
            if member.is_disconnected() {
                continue;
            }
            if capacity.is_far_below(self.max_frame_bytes()) {
                member.return_composer(theirs);
                continue;
            }
            let Some(ours) = &mut self.composer else {
                self.composer = Some(theirs);
                self.members.push(member);
                continue;
            };
            let mut all = Damage::default();
            all.add(ours.framebuffer().size().bounds());
            let composed = theirs.compose(ours.framebuffer(), &all, 1, (0, 0), now);
            let encode = now.elapsed();
            if let Some(composed) = composed {
                let composed = Arc::new(Composed { changed: false, ..composed });
                member.deliver(SharedFrame { composed, trace: None, flushed: None, encode });
            }
            ours.merge_history(&theirs);
            self.members.push(member);
        }
        self.update_alone_since();
    }

    /// Starts or clears the time of having a single member.
    fn update_alone_since(&mut self) {
        self.alone_since = (self.members.len() == 1).then(|| self.alone_since.unwrap_or_else(Instant::now));
    }
}

/// Returns a composer with the shared picture to a leaving member; always returns false, for use in `retain`.
fn detach(member: &GroupMember, composer: &Composer) -> bool {
    if !member.is_disconnected() {
        match composer.fork() {
            Ok(own) => member.return_composer(own),
            Err(error) => {
                tracing::error!(%error, "a composer for a viewer could not be created; its connection ends");
                member.inbox().close(CloseReason::Left);
            }
        }
    }
    false
}
