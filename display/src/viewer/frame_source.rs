//! Who makes a viewer's pictures: its own composer, or a group of viewers.

use crate::inbox::{ClientRequests, ViewerInbox};
use crate::pipeline::Composer;
use crate::screen::Screen;
use crate::shared_encode::{EncodeGroup, GroupMember, MemberCapacity};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Who was too slow for an encode shared with others, or wanted something of its own, does not try
/// again before so long.
const REJOIN_DELAY: Duration = Duration::from_secs(5);

/// A viewer's source of pictures.
pub struct FrameSource<'a> {
    source: Source,
    group: Option<&'a Arc<EncodeGroup>>,
    /// When it may share an encode, if others are there to share it with.
    may_join_at: Instant,
}

enum Source {
    /// This viewer's own composer.
    Own(Box<Composer>),
    /// The group, at this viewer's member.
    Group(Arc<GroupMember>),
    /// Nobody, while one becomes the other.
    Switching,
}

impl<'a> FrameSource<'a> {
    /// Made by `composer` at first; `group` is where it may be shared.
    pub fn new(composer: Composer, group: Option<&'a Arc<EncodeGroup>>) -> Self {
        Self { source: Source::Own(Box::new(composer)), group, may_join_at: Instant::now() }
    }

    /// The viewer's own composer, if it makes the pictures now.
    pub fn own(&mut self) -> Option<&mut Composer> {
        match &mut self.source {
            Source::Own(composer) => Some(composer),
            Source::Group(_) | Source::Switching => None,
        }
    }

    /// The viewer's member, if the group makes the pictures now.
    pub fn member(&self) -> Option<&Arc<GroupMember>> {
        match &self.source {
            Source::Group(member) => Some(member),
            Source::Own(_) | Source::Switching => None,
        }
    }

    /// Does what the client asked for. What it cannot have in group waits until it is alone.
    pub fn apply_requests(&mut self, requests: &mut ClientRequests, now: Instant) {
        if let Some(composer) = self.member().and_then(|member| member.take_composer()) {
            self.source = Source::Own(Box::new(composer));
            self.may_join_at = now + REJOIN_DELAY;
        }
        match &mut self.source {
            Source::Own(composer) => {
                if std::mem::take(&mut requests.refresh) {
                    composer.begin_anew();
                }
                if std::mem::take(&mut requests.video_failed) {
                    composer.give_up_video();
                }
                if let Some(video_only) = requests.video_only.take() {
                    composer.set_video_only(video_only);
                }
            }
            Source::Group(member) if requests.wants_something_of_its_own() => member.request_leave(),
            Source::Group(_) | Source::Switching => {}
        }
    }

    /// Whether an encode is better shared from now on.
    pub fn should_join(&mut self, screen: &Screen, now: Instant) -> bool {
        let others = self.group.is_some() && screen.viewers() > 1;
        others && now >= self.may_join_at && self.own().is_some_and(|composer| composer.is_shareable())
    }

    /// Shares an encode from now on.
    pub fn join(&mut self, inbox: &Arc<ViewerInbox>, capacity: MemberCapacity, now: Instant) {
        let Some(group) = self.group else { return };
        self.source = match std::mem::replace(&mut self.source, Source::Switching) {
            Source::Own(composer) => match group.join(Arc::clone(inbox), *composer, capacity) {
                Ok(member) => Source::Group(member),
                Err(composer) => {
                    self.may_join_at = now + REJOIN_DELAY;
                    Source::Own(composer)
                }
            },
            other => other,
        };
    }
}

impl Drop for FrameSource<'_> {
    fn drop(&mut self) {
        if let Some(member) = self.member() {
            member.disconnect();
        }
    }
}
