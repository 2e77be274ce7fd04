//! Who is at a desktop, and how much of the host's attention it deserves for it.

use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// Someone who typed or pointed so recently is at work.
const AT_WORK: Duration = Duration::from_secs(10);

/// Input is noted at most so often: what follows from it does not change faster.
const NOTED_EVERY: Duration = Duration::from_secs(1);

/// How much a desktop matters to people now. Desktops are scheduled by it: see [`super::schedule`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Attention {
    /// Nobody sees it.
    Unwatched,
    /// Somebody sees it.
    Watched,
    /// Somebody works with it.
    Used,
}

impl Attention {
    /// All of them, least first.
    pub const ALL: [Self; 3] = [Self::Unwatched, Self::Watched, Self::Used];

    /// Its name in figures.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unwatched => "unwatched",
            Self::Watched => "watched",
            Self::Used => "used",
        }
    }
}

/// Who is there.
#[derive(Debug, Clone, Copy, Default)]
pub struct Audience {
    viewers: u32,
    acted: Option<Instant>,
}

impl Audience {
    /// How many watch.
    pub fn viewers(self) -> u32 {
        self.viewers
    }

    /// What follows from it.
    pub fn attention(self, now: Instant) -> Attention {
        match self.acted {
            _ if self.viewers == 0 => Attention::Unwatched,
            Some(acted) if now.duration_since(acted) < AT_WORK => Attention::Used,
            _ => Attention::Watched,
        }
    }
}

/// One more viewer. Whoever comes has just done something.
pub(super) fn arrive(audience: &watch::Sender<Audience>) {
    let now = Instant::now();
    audience.send_modify(|audience| *audience = Audience { viewers: audience.viewers + 1, acted: Some(now) });
}

/// One viewer less.
pub(super) fn leave(audience: &watch::Sender<Audience>) {
    audience.send_modify(|audience| audience.viewers = audience.viewers.saturating_sub(1));
}

/// A viewer typed or pointed.
pub(super) fn act(audience: &watch::Sender<Audience>) {
    let now = Instant::now();
    audience.send_if_modified(|audience| {
        let news = audience.acted.is_none_or(|acted| now.duration_since(acted) >= NOTED_EVERY);
        if news {
            audience.acted = Some(now);
        }
        news
    });
}

/// Waits until a desktop's attention is no longer `now`; forever once its handles are gone.
pub(super) async fn changed(audience: &mut watch::Receiver<Audience>, now: Attention) -> Attention {
    loop {
        let there = *audience.borrow_and_update();
        let attention = there.attention(Instant::now());
        if attention != now {
            return attention;
        }
        let until = there.acted.filter(|_| now == Attention::Used).map(|acted| acted + AT_WORK);
        let rested = async {
            match until {
                Some(until) => tokio::time::sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = rested => {}
            news = audience.changed() => if news.is_err() {
                std::future::pending::<()>().await;
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_desktop_is_used_for_a_while_after_each_input() {
        let (audience, mut watcher) = watch::channel(Audience::default());
        arrive(&audience);
        assert_eq!(changed(&mut watcher, Attention::Unwatched).await, Attention::Used);
        tokio::time::advance(AT_WORK - NOTED_EVERY).await;
        act(&audience);
        let began = Instant::now();
        assert_eq!(changed(&mut watcher, Attention::Used).await, Attention::Watched);
        assert_eq!(began.elapsed(), AT_WORK);
        act(&audience);
        assert_eq!(changed(&mut watcher, Attention::Watched).await, Attention::Used);
        leave(&audience);
        assert_eq!(changed(&mut watcher, Attention::Used).await, Attention::Unwatched);
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_input_wakes_nobody() {
        let (audience, mut watcher) = watch::channel(Audience::default());
        arrive(&audience);
        watcher.mark_unchanged();
        (0..1000).for_each(|_| act(&audience));
        assert!(!watcher.has_changed().unwrap());
    }
}
