//! Layout requests of a desktop's viewers, and the rule which of them applies. Pure state:
//! [`super::Monitors`] passes the outcome to the guest.

use super::layout::arrange;
use oriel_wire::{LayoutRequest, MonitorChange, MonitorConfig};
use std::time::{Duration, Instant};

/// Time without input of the deciding viewer after which another viewer's input makes that one's request
/// apply. Without it, two active users would change the layout back and forth.
const IDLE_TIMEOUT: Duration = Duration::from_secs(5);

/// Delay before a further screen without viewers is switched off; a page may be reloading.
const OFF_DELAY: Duration = Duration::from_secs(3);

/// Viewer that may send input.
struct LayoutClient {
    /// Number of the viewer.
    viewer: u32,
    /// Number of the screen that the viewer shows.
    screen: usize,
    /// Merged requests of the viewer so far.
    request: LayoutRequest,
    /// Time of the viewer's last request or input.
    acted: Option<Instant>,
}

/// Requested screens of a desktop, and the viewers whose requests apply.
pub struct LayoutState {
    /// Requested configuration of each screen; `None` if off.
    wanted: Vec<Option<MonitorConfig>>,
    clients: Vec<LayoutClient>,
    /// Viewer whose request applies, for each screen.
    deciders: Vec<Option<u32>>,
    /// Time at which a screen without viewers is switched off.
    off_at: Vec<Option<Instant>>,
}

impl LayoutState {
    /// Creates the state of `count` screens, of which the first is on.
    pub fn new(count: usize, first: MonitorConfig) -> Self {
        let mut wanted = vec![None; count];
        if let Some(one) = wanted.first_mut() {
            *one = Some(first);
        }
        Self { wanted, clients: Vec::new(), deciders: vec![None; count], off_at: vec![None; count] }
    }

    /// Returns the requested screens, arranged to one desktop.
    pub fn screens(&self) -> Vec<Option<MonitorConfig>> {
        let mut screens = self.wanted.clone();
        arrange(&mut screens);
        screens
    }

    /// Sets exactly these screens, regardless of viewers; further screens are off.
    pub fn set(&mut self, screens: &[MonitorConfig]) {
        let off = std::iter::repeat(MonitorChange::Off);
        let all = screens.iter().copied().map(MonitorChange::On).chain(off).map(Some);
        let request: LayoutRequest = all.take(self.wanted.len()).collect();
        self.deciders.fill(None);
        self.off_at.fill(None);
        self.apply(&request);
    }

    /// Adds a viewer that may send input and shows `screen`.
    pub fn joined(&mut self, viewer: u32, screen: usize) {
        self.clients.push(LayoutClient { viewer, screen, request: LayoutRequest::new(), acted: None });
        if let Some(off_at) = self.off_at.get_mut(screen) {
            *off_at = None;
        }
    }

    /// Applies a viewer's request; the newest request wins.
    pub fn requested(&mut self, viewer: u32, request: LayoutRequest, now: Instant) {
        let Some(client) = self.clients.iter_mut().find(|client| client.viewer == viewer) else { return };
        client.acted = Some(now);
        client.request.resize(client.request.len().max(request.len()), None);
        for (old, new) in client.request.iter_mut().zip(&request) {
            *old = new.or(*old);
        }
        let screen = client.screen;
        self.set_decider(screen, viewer);
        self.apply(&request);
    }

    /// Records input of a viewer, whose request then applies if the deciding viewer was inactive for five
    /// seconds.
    pub fn acted(&mut self, viewer: u32, now: Instant) {
        let Some(at) = self.clients.iter().position(|client| client.viewer == viewer) else { return };
        let Some(client) = self.clients.get_mut(at) else { return };
        client.acted = Some(now);
        let (screen, request) = (client.screen, client.request.clone());
        let decider = self.deciders.get(screen).copied().flatten();
        if decider == Some(viewer) || request.is_empty() {
            return;
        }
        let decided = self.clients.iter().find(|client| Some(client.viewer) == decider);
        let busy = decided
            .and_then(|client| client.acted)
            .is_some_and(|then| now.duration_since(then) < IDLE_TIMEOUT);
        if !busy {
            self.set_decider(screen, viewer);
            self.apply(&request);
        }
    }

    /// Removes a viewer: the request of another viewer of the screen applies, or a further screen is switched
    /// off after a delay.
    pub fn left(&mut self, viewer: u32, now: Instant) {
        let Some(at) = self.clients.iter().position(|client| client.viewer == viewer) else { return };
        let screen = self.clients.swap_remove(at).screen;
        let others = || self.clients.iter().filter(|client| client.screen == screen);
        if others().next().is_none() {
            if let Some(off_at) = self.off_at.get_mut(screen).filter(|_| screen > 0) {
                *off_at = Some(now + OFF_DELAY);
            }
        } else if self.deciders.get(screen) == Some(&Some(viewer))
            && let Some(successor) =
                others().filter(|client| !client.request.is_empty()).max_by_key(|client| client.acted)
        {
            let (successor, request) = (successor.viewer, successor.request.clone());
            self.set_decider(screen, successor);
            self.apply(&request);
        }
    }

    /// Switches off screens whose delay has passed; returns the time of the next one.
    pub fn switch_off_unused(&mut self, now: Instant) -> Option<Instant> {
        for (wanted, off_at) in self.wanted.iter_mut().zip(&mut self.off_at) {
            if off_at.is_some_and(|then| then <= now) {
                (*wanted, *off_at) = (None, None);
            }
        }
        self.off_at.iter().flatten().min().copied()
    }

    /// Makes a viewer the one whose request applies to a screen.
    fn set_decider(&mut self, screen: usize, viewer: u32) {
        if let Some(decider) = self.deciders.get_mut(screen) {
            *decider = Some(viewer);
        }
    }

    /// Changes the requested screens; the first screen cannot be switched off.
    fn apply(&mut self, request: &LayoutRequest) {
        for (n, (wanted, change)) in self.wanted.iter_mut().zip(request).enumerate() {
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

    fn widths(layout_state: &LayoutState) -> Vec<u32> {
        layout_state.screens().iter().map(|one| one.map_or(0, |one| one.size.width)).collect()
    }

    #[test]
    fn the_last_request_wins_and_input_takes_over_from_the_inactive() {
        let mut layout_state = LayoutState::new(2, wanted(1000));
        let start = Instant::now();
        layout_state.joined(1, 0);
        layout_state.joined(2, 0);
        layout_state.requested(1, vec![on(1100)], start);
        layout_state.requested(2, vec![on(1200)], start);
        assert_eq!(widths(&layout_state), [1200, 0]);
        layout_state.acted(1, start + Duration::from_secs(1));
        assert_eq!(widths(&layout_state), [1200, 0], "the other is at work");
        layout_state.acted(1, start + IDLE_TIMEOUT);
        assert_eq!(widths(&layout_state), [1100, 0]);
        layout_state.left(1, start + IDLE_TIMEOUT);
        assert_eq!(widths(&layout_state), [1200, 0], "who is left gets their own size back");
        layout_state.left(2, start + IDLE_TIMEOUT);
        assert_eq!(widths(&layout_state), [1200, 0], "and the desktop keeps it");
    }

    #[test]
    fn each_viewer_decides_for_its_own_screen() {
        let mut layout_state = LayoutState::new(3, wanted(1000));
        let start = Instant::now();
        layout_state.joined(1, 0);
        layout_state.joined(2, 1);
        layout_state.requested(1, vec![on(1100)], start);
        layout_state.requested(2, vec![None, on(800)], start);
        layout_state.requested(1, vec![on(1150)], start);
        assert_eq!(widths(&layout_state), [1150, 800, 0]);
        layout_state.requested(2, vec![Some(MonitorChange::Off), Some(MonitorChange::Off)], start);
        assert_eq!(widths(&layout_state), [1150, 0, 0], "the first screen stays on");
        assert_eq!(layout_state.switch_off_unused(start), None);
    }

    #[test]
    fn a_further_screen_goes_off_when_its_last_window_is_gone_for_a_while() {
        let mut layout_state = LayoutState::new(2, wanted(1000));
        let start = Instant::now();
        layout_state.joined(1, 1);
        layout_state.requested(1, vec![None, on(800)], start);
        layout_state.left(1, start);
        assert_eq!(layout_state.switch_off_unused(start), Some(start + OFF_DELAY));
        layout_state.joined(2, 1);
        assert_eq!(layout_state.switch_off_unused(start + OFF_DELAY), None, "the page was loading anew");
        assert_eq!(widths(&layout_state), [1000, 800]);
        layout_state.left(2, start);
        assert_eq!(layout_state.switch_off_unused(start + OFF_DELAY), None);
        assert_eq!(widths(&layout_state), [1000, 0]);
    }

    #[test]
    fn an_order_sets_every_screen_and_strangers_set_none() {
        let mut layout_state = LayoutState::new(2, wanted(1000));
        layout_state.set(&[wanted(640), wanted(800), wanted(900)]);
        assert_eq!(widths(&layout_state), [640, 800]);
        layout_state.set(&[wanted(640)]);
        assert_eq!(widths(&layout_state), [640, 0]);
        layout_state.requested(7, vec![on(900)], Instant::now());
        layout_state.acted(7, Instant::now());
        assert_eq!(widths(&layout_state), [640, 0], "requests of unknown viewers are ignored");
    }
}
