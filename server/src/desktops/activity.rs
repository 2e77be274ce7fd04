//! Activity of a desktop's viewers, and the priority on the host that follows from it.

use oriel_host::schedule::Priority;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// Time after an input during which the desktop counts as used.
const AT_WORK: Duration = Duration::from_secs(10);

/// Minimum interval between two recorded inputs, which is enough for the priority.
const NOTED_EVERY: Duration = Duration::from_secs(1);

/// Number of a desktop's viewers, and the time of their last input.
#[derive(Debug, Clone, Copy, Default)]
pub struct ViewerActivity {
    viewers: u32,
    acted: Option<Instant>,
}

impl ViewerActivity {
    /// Returns the priority that follows from the activity at the time `now`.
    pub fn priority(self, now: Instant) -> Priority {
        match self.acted {
            _ if self.viewers == 0 => Priority::Unwatched,
            Some(acted) if now.duration_since(acted) < AT_WORK => Priority::Used,
            _ => Priority::Watched,
        }
    }
}

/// Adds a viewer; opening a desktop counts as input.
pub(super) fn arrive(activity: &watch::Sender<ViewerActivity>) {
    let now = Instant::now();
    activity.send_modify(|activity| {
        *activity = ViewerActivity { viewers: activity.viewers + 1, acted: Some(now) }
    });
}

/// Removes a viewer.
pub(super) fn leave(activity: &watch::Sender<ViewerActivity>) {
    activity.send_modify(|activity| activity.viewers = activity.viewers.saturating_sub(1));
}

/// Records an input of a viewer.
pub(super) fn act(activity: &watch::Sender<ViewerActivity>) {
    let now = Instant::now();
    activity.send_if_modified(|activity| {
        let news = activity.acted.is_none_or(|acted| now.duration_since(acted) >= NOTED_EVERY);
        if news {
            activity.acted = Some(now);
        }
        news
    });
}

/// Waits until the desktop's priority differs from `now`, and returns the new one; `None` after the last
/// handle is dropped.
pub(super) async fn changed(
    activity: &mut watch::Receiver<ViewerActivity>,
    now: Priority,
) -> Option<Priority> {
    loop {
        let there = *activity.borrow_and_update();
        let priority = there.priority(Instant::now());
        if priority != now {
            return Some(priority);
        }
        let until = there.acted.filter(|_| now == Priority::Used).map(|acted| acted + AT_WORK);
        let rested = async {
            match until {
                Some(until) => tokio::time::sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = rested => {}
            news = activity.changed() => if news.is_err() {
                return None;
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_desktop_is_used_for_a_while_after_each_input() {
        let (activity, mut watcher) = watch::channel(ViewerActivity::default());
        arrive(&activity);
        assert_eq!(changed(&mut watcher, Priority::Unwatched).await, Some(Priority::Used));
        tokio::time::advance(AT_WORK - NOTED_EVERY).await;
        act(&activity);
        let began = Instant::now();
        assert_eq!(changed(&mut watcher, Priority::Used).await, Some(Priority::Watched));
        assert_eq!(began.elapsed(), AT_WORK);
        act(&activity);
        assert_eq!(changed(&mut watcher, Priority::Watched).await, Some(Priority::Used));
        leave(&activity);
        assert_eq!(changed(&mut watcher, Priority::Used).await, Some(Priority::Unwatched));
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_input_wakes_nobody() {
        let (activity, mut watcher) = watch::channel(ViewerActivity::default());
        arrive(&activity);
        watcher.mark_unchanged();
        (0..1000).for_each(|_| act(&activity));
        assert!(!watcher.has_changed().unwrap());
    }
}
