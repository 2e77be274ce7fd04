//! Stop of a machine by its supervisor: requests to the guest, to the machine and to the kernel, each after
//! the time that the one before it had.

use rustix::process::Signal;
use std::time::{Duration, Instant};

/// Maximum time between a machine's exit report and the end of its process, which is killed then.
const EXIT_TIMEOUT: Duration = Duration::from_secs(5);
/// Maximum time between the request to stop and the machine's exit report.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// Action that is due in a stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StopAction {
    /// Request a shutdown from the guest.
    ShutDown,
    /// End the machine without the guest's consent.
    Stop,
    /// Kill the machine's process.
    Kill,
}

/// Progress of a stop.
///
/// ```text
/// Running --SIGTERM--> ShuttingDown --grace, SIGTERM, SIGINT--> Stopping --10 s--> kill
///    \-----------------------SIGINT------------------------------^
/// any state --exit report--> Exiting --5 s--> kill
/// ```
#[derive(Debug, Clone, Copy)]
pub(super) struct StopSequence {
    state: State,
    grace: Duration,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// No stop is requested.
    Running,
    /// The guest shuts down, until the time at which the machine is stopped.
    ShuttingDown(Instant),
    /// The machine was told to stop, or exits; it is killed at the time.
    Ending(Instant),
    /// The process was killed.
    Killed,
}

impl StopSequence {
    /// Creates the sequence of a machine whose guest has `grace` for a shutdown; without any, the machine is
    /// stopped at once.
    pub fn new(grace: Duration) -> Self {
        Self { state: State::Running, grace }
    }

    /// Returns the time of the next action; `None` if none is due by itself.
    pub fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Running | State::Killed => None,
            State::ShuttingDown(until) | State::Ending(until) => Some(until),
        }
    }

    /// Handles a signal: SIGTERM requests a shutdown from the guest; a second one, or SIGINT, stops the
    /// machine.
    pub fn signalled(&mut self, signal: Signal, now: Instant) -> Option<StopAction> {
        match self.state {
            State::Running if signal == Signal::TERM && !self.grace.is_zero() => {
                self.state = State::ShuttingDown(now + self.grace);
                Some(StopAction::ShutDown)
            }
            State::Running | State::ShuttingDown(_) => Some(self.stop(now)),
            State::Ending(_) | State::Killed => None,
        }
    }

    /// Handles the passing of time.
    pub fn elapsed(&mut self, now: Instant) -> Option<StopAction> {
        match self.state {
            State::ShuttingDown(until) if until <= now => Some(self.stop(now)),
            State::Ending(until) if until <= now => {
                self.state = State::Killed;
                Some(StopAction::Kill)
            }
            _ => None,
        }
    }

    /// Handles the machine's exit report, or the end of its connection.
    pub fn exiting(&mut self, now: Instant) {
        self.state = State::Ending(now + EXIT_TIMEOUT);
    }

    fn stop(&mut self, now: Instant) -> StopAction {
        self.state = State::Ending(now + STOP_TIMEOUT);
        StopAction::Stop
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Duration = Duration::from_secs(60);

    #[test]
    fn a_guest_that_does_not_shut_down_is_stopped_after_its_grace_and_killed_after_that() {
        let start = Instant::now();
        let mut stop = StopSequence::new(GRACE);
        assert_eq!((stop.deadline(), stop.elapsed(start)), (None, None));
        assert_eq!(stop.signalled(Signal::TERM, start), Some(StopAction::ShutDown));
        assert_eq!(stop.elapsed(start + GRACE / 2), None);
        assert_eq!(stop.deadline(), Some(start + GRACE));
        assert_eq!(stop.elapsed(start + GRACE), Some(StopAction::Stop));
        assert_eq!(stop.signalled(Signal::TERM, start + GRACE), None);
        assert_eq!(stop.elapsed(start + GRACE + STOP_TIMEOUT), Some(StopAction::Kill));
        assert_eq!((stop.deadline(), stop.elapsed(start + 9 * GRACE)), (None, None));
    }

    #[test]
    fn a_second_signal_and_an_interrupt_do_not_wait_for_the_guest() {
        let now = Instant::now();
        for (grace, signals) in [
            (GRACE, &[Signal::TERM, Signal::TERM][..]),
            (GRACE, &[Signal::INT]),
            (Duration::ZERO, &[Signal::TERM]),
        ] {
            let mut stop = StopSequence::new(grace);
            let last = signals.iter().map(|signal| stop.signalled(*signal, now)).last();
            assert_eq!(last, Some(Some(StopAction::Stop)));
            assert_eq!(stop.deadline(), Some(now + STOP_TIMEOUT));
        }
    }

    #[test]
    fn an_exit_report_bounds_the_rest() {
        let now = Instant::now();
        let mut stop = StopSequence::new(GRACE);
        stop.signalled(Signal::TERM, now);
        stop.exiting(now);
        assert_eq!(stop.elapsed(now + EXIT_TIMEOUT), Some(StopAction::Kill));
    }
}
