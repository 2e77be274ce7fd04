//! Source of a viewer's frames: its own composer, or an encode group shared with other viewers.

use crate::inbox::{ClientRequests, ViewerInbox};
use crate::pipeline::Composer;
use crate::screen::Screen;
use crate::shared_encode::{EncodeGroup, GroupMember, MemberCapacity};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Delay before a viewer that left an encode group, or was refused, may join again.
const REJOIN_DELAY: Duration = Duration::from_secs(5);

/// Source of frames of one viewer, and the rule for changing between the two kinds.
pub struct FrameSource<'a> {
    source: Source,
    /// Encode group of the screen; `None` if encodes are never shared.
    group: Option<&'a Arc<EncodeGroup>>,
    /// Earliest time at which the viewer may join the group.
    may_join_at: Instant,
}

/// Present source of frames.
enum Source {
    /// Composer of this viewer alone.
    Own(Box<Composer>),
    /// Encode group, through this viewer's membership.
    Group(Arc<GroupMember>),
    /// None, during a change from a composer to the group.
    Switching,
}

impl<'a> FrameSource<'a> {
    /// Creates a source that begins with `composer`; `group` is the encode group that the viewer may join.
    pub fn new(composer: Composer, group: Option<&'a Arc<EncodeGroup>>) -> Self {
        Self { source: Source::Own(Box::new(composer)), group, may_join_at: Instant::now() }
    }

    /// Returns the viewer's own composer; `None` while the group composes.
    pub fn own(&mut self) -> Option<&mut Composer> {
        match &mut self.source {
            Source::Own(composer) => Some(composer),
            Source::Group(_) | Source::Switching => None,
        }
    }

    /// Returns the viewer's membership; `None` while its own composer composes.
    pub fn member(&self) -> Option<&Arc<GroupMember>> {
        match &self.source {
            Source::Group(member) => Some(member),
            Source::Own(_) | Source::Switching => None,
        }
    }

    /// Applies requests of the client to its composer. In a group they stay pending and the viewer leaves
    /// first.
    pub fn apply_requests(&mut self, requests: &mut ClientRequests, now: Instant) {
        if let Some(composer) = self.member().and_then(|member| member.take_composer()) {
            self.source = Source::Own(Box::new(composer));
            self.may_join_at = now + REJOIN_DELAY;
        }
        match &mut self.source {
            Source::Own(composer) => {
                if std::mem::take(&mut requests.refresh) {
                    composer.force_full_refresh();
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

    /// Reports whether the viewer should join the encode group now: there are other viewers, the delay has
    /// passed, and the composer can be shared.
    pub fn should_join(&mut self, screen: &Screen, now: Instant) -> bool {
        let others = self.group.is_some() && screen.viewers() > 1;
        others && now >= self.may_join_at && self.own().is_some_and(|composer| composer.is_shareable())
    }

    /// Moves the composer into the encode group and becomes a member; if the group refuses, the composer
    /// stays.
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
