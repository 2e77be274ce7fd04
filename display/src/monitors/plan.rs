//! Which screens a desktop is to have: the wishes of its viewers, and whose counts.

use super::layout::arrange;
use oriel_wire::{LayoutRequest, MonitorChange, MonitorConfig};
use std::time::{Duration, Instant};

/// A viewer whose input changes who decides must find the one who decided so long without any:
/// two people at work on one desktop would otherwise pull it to and fro.
const QUIET: Duration = Duration::from_secs(5);

/// A further screen that nobody shows any more goes off after this: a page may be loading anew.
const GRACE: Duration = Duration::from_secs(3);

/// One viewer who may act.
struct Seat {
    viewer: u32,
    screen: usize,
    wish: LayoutRequest,
    acted: Option<Instant>,
}

/// The screens that are wanted, and by whom.
pub struct Plan {
    wanted: Vec<Option<MonitorConfig>>,
    seats: Vec<Seat>,
    /// Who decided last, screen by screen.
    deciders: Vec<Option<u32>>,
    /// When a screen that nobody shows goes off.
    off_at: Vec<Option<Instant>>,
}

impl Plan {
    /// `count` screens, of which the first is on.
    pub fn new(count: usize, first: MonitorConfig) -> Self {
        let mut wanted = vec![None; count];
        if let Some(one) = wanted.first_mut() {
            *one = Some(first);
        }
        Self { wanted, seats: Vec::new(), deciders: vec![None; count], off_at: vec![None; count] }
    }

    /// The screens that are wanted, as one desktop.
    pub fn screens(&self) -> Vec<Option<MonitorConfig>> {
        let mut screens = self.wanted.clone();
        arrange(&mut screens);
        screens
    }

    /// Whoever rules the machine wants exactly these.
    pub fn set(&mut self, screens: &[MonitorConfig]) {
        let off = std::iter::repeat(MonitorChange::Off);
        let all = screens.iter().copied().map(MonitorChange::On).chain(off).map(Some);
        let wish: LayoutRequest = all.take(self.wanted.len()).collect();
        self.deciders.fill(None);
        self.off_at.fill(None);
        self.apply(&wish);
    }

    /// A viewer who may act shows `screen` from now on.
    pub fn joined(&mut self, viewer: u32, screen: usize) {
        self.seats.push(Seat { viewer, screen, wish: LayoutRequest::new(), acted: None });
        if let Some(off_at) = self.off_at.get_mut(screen) {
            *off_at = None;
        }
    }

    /// A viewer wants the screens to be like this.
    pub fn asked(&mut self, viewer: u32, wish: LayoutRequest, now: Instant) {
        let Some(seat) = self.seats.iter_mut().find(|seat| seat.viewer == viewer) else { return };
        seat.acted = Some(now);
        seat.wish.resize(seat.wish.len().max(wish.len()), None);
        for (old, new) in seat.wish.iter_mut().zip(&wish) {
            *old = new.or(*old);
        }
        let screen = seat.screen;
        self.decides(screen, viewer);
        self.apply(&wish);
    }

    /// A viewer gave input.
    pub fn acted(&mut self, viewer: u32, now: Instant) {
        let Some(at) = self.seats.iter().position(|seat| seat.viewer == viewer) else { return };
        let Some(seat) = self.seats.get_mut(at) else { return };
        seat.acted = Some(now);
        let (screen, wish) = (seat.screen, seat.wish.clone());
        let decider = self.deciders.get(screen).copied().flatten();
        if decider == Some(viewer) || wish.is_empty() {
            return;
        }
        let decided = self.seats.iter().find(|seat| Some(seat.viewer) == decider);
        let busy = decided.and_then(|seat| seat.acted).is_some_and(|then| now.duration_since(then) < QUIET);
        if !busy {
            self.decides(screen, viewer);
            self.apply(&wish);
        }
    }

    /// A viewer is gone: another's wish counts, or a further screen goes off in a while.
    pub fn left(&mut self, viewer: u32, now: Instant) {
        let Some(at) = self.seats.iter().position(|seat| seat.viewer == viewer) else { return };
        let screen = self.seats.swap_remove(at).screen;
        let others = || self.seats.iter().filter(|seat| seat.screen == screen);
        if others().next().is_none() {
            if let Some(off_at) = self.off_at.get_mut(screen).filter(|_| screen > 0) {
                *off_at = Some(now + GRACE);
            }
        } else if self.deciders.get(screen) == Some(&Some(viewer))
            && let Some(heir) = others().filter(|seat| !seat.wish.is_empty()).max_by_key(|seat| seat.acted)
        {
            let (heir, wish) = (heir.viewer, heir.wish.clone());
            self.decides(screen, heir);
            self.apply(&wish);
        }
    }

    /// Switches off what nobody shows any more; says when to look again.
    pub fn tidy(&mut self, now: Instant) -> Option<Instant> {
        for (wanted, off_at) in self.wanted.iter_mut().zip(&mut self.off_at) {
            if off_at.is_some_and(|then| then <= now) {
                (*wanted, *off_at) = (None, None);
            }
        }
        self.off_at.iter().flatten().min().copied()
    }

    fn decides(&mut self, screen: usize, viewer: u32) {
        if let Some(decider) = self.deciders.get_mut(screen) {
            *decider = Some(viewer);
        }
    }

    fn apply(&mut self, wish: &LayoutRequest) {
        for (n, (wanted, change)) in self.wanted.iter_mut().zip(wish).enumerate() {
            match change {
                Some(MonitorChange::On(screen)) => *wanted = Some(*screen),
                Some(MonitorChange::Off) if n > 0 => *wanted = None,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use oriel_wire::Size;

    fn on(width: u32) -> Option<MonitorChange> {
        Some(MonitorChange::On(wanted(width)))
    }

    fn wanted(width: u32) -> MonitorConfig {
        MonitorConfig::of(Size::new(width, 600))
    }

    fn widths(plan: &Plan) -> Vec<u32> {
        plan.screens().iter().map(|one| one.map_or(0, |one| one.size.width)).collect()
    }

    #[test]
    fn who_asks_last_wins_and_input_takes_over_from_the_quiet() {
        let mut plan = Plan::new(2, wanted(1000));
        let start = Instant::now();
        plan.joined(1, 0);
        plan.joined(2, 0);
        plan.asked(1, vec![on(1100)], start);
        plan.asked(2, vec![on(1200)], start);
        assert_eq!(widths(&plan), [1200, 0]);
        plan.acted(1, start + Duration::from_secs(1));
        assert_eq!(widths(&plan), [1200, 0], "the other is at work");
        plan.acted(1, start + QUIET);
        assert_eq!(widths(&plan), [1100, 0]);
        plan.left(1, start + QUIET);
        assert_eq!(widths(&plan), [1200, 0], "who is left gets their own size back");
        plan.left(2, start + QUIET);
        assert_eq!(widths(&plan), [1200, 0], "and the desktop keeps it");
    }

    #[test]
    fn each_window_speaks_for_its_own_screen() {
        let mut plan = Plan::new(3, wanted(1000));
        let start = Instant::now();
        plan.joined(1, 0);
        plan.joined(2, 1);
        plan.asked(1, vec![on(1100)], start);
        plan.asked(2, vec![None, on(800)], start);
        plan.asked(1, vec![on(1150)], start);
        assert_eq!(widths(&plan), [1150, 800, 0]);
        plan.asked(2, vec![Some(MonitorChange::Off), Some(MonitorChange::Off)], start);
        assert_eq!(widths(&plan), [1150, 0, 0], "the first screen stays on");
        assert_eq!(plan.tidy(start), None);
    }

    #[test]
    fn a_further_screen_goes_off_when_its_last_window_is_gone_for_a_while() {
        let mut plan = Plan::new(2, wanted(1000));
        let start = Instant::now();
        plan.joined(1, 1);
        plan.asked(1, vec![None, on(800)], start);
        plan.left(1, start);
        assert_eq!(plan.tidy(start), Some(start + GRACE));
        plan.joined(2, 1);
        assert_eq!(plan.tidy(start + GRACE), None, "the page was loading anew");
        assert_eq!(widths(&plan), [1000, 800]);
        plan.left(2, start);
        assert_eq!(plan.tidy(start + GRACE), None);
        assert_eq!(widths(&plan), [1000, 0]);
    }

    #[test]
    fn an_order_sets_every_screen_and_strangers_set_none() {
        let mut plan = Plan::new(2, wanted(1000));
        plan.set(&[wanted(640), wanted(800), wanted(900)]);
        assert_eq!(widths(&plan), [640, 800]);
        plan.set(&[wanted(640)]);
        assert_eq!(widths(&plan), [640, 0]);
        plan.asked(7, vec![on(900)], Instant::now());
        plan.acted(7, Instant::now());
        assert_eq!(widths(&plan), [640, 0], "who watches has no seat");
    }
}
