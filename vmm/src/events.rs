//! What happens to a machine, told to everyone who listens.

use oriel_vmm_api::{Event, ExitReason, ExitReport, PauseReason, RunState};
use parking_lot::{Condvar, Mutex};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

/// A listener this many events behind is dropped.
const BACKLOG: usize = 256;

struct State {
    run: RunState,
    reason: Option<PauseReason>,
    listeners: Vec<SyncSender<Event>>,
    end: Option<ExitReport>,
}

/// The state of one machine, from `Starting` to its end, and who wants to hear of it.
pub struct Events {
    state: Mutex<State>,
    ended: Condvar,
}

impl Default for Events {
    fn default() -> Self {
        let state = State { run: RunState::Starting, reason: None, listeners: Vec::new(), end: None };
        Self { state: Mutex::new(state), ended: Condvar::new() }
    }
}

impl Events {
    /// Everything from now on; the channel closes after [`Event::Ended`].
    pub fn listen(&self) -> Receiver<Event> {
        let (sender, receiver) = sync_channel(BACKLOG);
        let mut state = self.state.lock();
        match &state.end {
            Some(end) => drop(sender.try_send(ended(end))),
            None => state.listeners.push(sender),
        }
        receiver
    }

    /// What the machine does now.
    pub fn run_state(&self) -> RunState {
        self.state.lock().run
    }

    /// Why the machine is paused, if nobody asked for it.
    pub fn pause_reason(&self) -> Option<PauseReason> {
        self.state.lock().reason
    }

    /// The machine does something else now.
    pub fn set_run_state(&self, run: RunState) {
        self.set_state(run, None);
    }

    /// The machine is paused though nobody asked for it.
    pub fn set_paused(&self, reason: PauseReason) {
        self.set_state(RunState::Paused, Some(reason));
    }

    fn set_state(&self, run: RunState, reason: Option<PauseReason>) {
        let mut state = self.state.lock();
        if (state.run, state.reason) != (run, reason) && state.end.is_none() {
            state.run = run;
            state.reason = reason;
            tell(&mut state, &Event::State { state: run, reason });
        }
    }

    /// The guest's first picture, or a new size.
    pub fn screen(&self, width: u32, height: u32) {
        tell(&mut self.state.lock(), &Event::Screen { width, height });
    }

    /// The machine is gone; the first reason stands.
    pub fn end(&self, reason: ExitReason, text: impl Into<String>) {
        let mut state = self.state.lock();
        if state.end.is_none() {
            let end = ExitReport { reason, text: text.into() };
            tell(&mut state, &ended(&end));
            state.listeners.clear();
            state.end = Some(end);
            self.ended.notify_all();
        }
    }

    /// Waits for [`Self::end`].
    pub fn wait_for_end(&self) -> ExitReport {
        let mut state = self.state.lock();
        loop {
            if let Some(end) = &state.end {
                return end.clone();
            }
            self.ended.wait(&mut state);
        }
    }
}

fn ended(end: &ExitReport) -> Event {
    Event::Ended { reason: end.reason, text: end.text.clone() }
}

fn tell(state: &mut State, event: &Event) {
    state.listeners.retain(|listener| match listener.try_send(event.clone()) {
        Ok(()) => true,
        Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => false,
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listeners_hear_each_change_once_and_the_end_last() {
        let events = Events::default();
        let heard = events.listen();
        events.set_run_state(RunState::Running);
        events.set_paused(PauseReason::DiskFull);
        events.set_paused(PauseReason::DiskFull);
        assert_eq!(events.pause_reason(), Some(PauseReason::DiskFull));
        events.set_run_state(RunState::Running);
        assert_eq!(events.pause_reason(), None);
        events.end(ExitReason::Stopped, "Stopped.");
        events.end(ExitReason::Crashed, "Too late.");
        events.set_run_state(RunState::Paused);
        let all: Vec<Event> = heard.iter().collect();
        let end = Event::Ended { reason: ExitReason::Stopped, text: "Stopped.".into() };
        let running = Event::State { state: RunState::Running, reason: None };
        let full = Event::State { state: RunState::Paused, reason: Some(PauseReason::DiskFull) };
        assert_eq!(all, [running.clone(), full, running, end.clone()]);
        assert_eq!(events.listen().iter().collect::<Vec<_>>(), [end], "late listeners hear of the end");
        assert_eq!(events.wait_for_end().reason, ExitReason::Stopped);
    }

    #[test]
    fn a_deaf_listener_is_dropped_and_holds_nobody_up() {
        let events = Events::default();
        let deaf = events.listen();
        for width in 0..1000 {
            events.screen(width, 1);
        }
        assert_eq!(deaf.iter().count(), BACKLOG);
    }
}
