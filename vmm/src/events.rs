//! Publication of a machine's state changes and of its end to all listeners.
//!
//! The state driver or QEMU's event thread publishes, and each control connection listens. Events of the
//! guest that the machine has to handle are in [`crate::guest_events`].

use oriel_vmm_api::{Event, ExitReason, ExitReport, PauseReason, RunState};
use parking_lot::{Condvar, Mutex};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

/// Capacity of a listener's channel in events. A listener whose channel is full is dropped.
const BACKLOG: usize = 256;

/// Minimum time between two events about the first screen's size. A guest can change the size thousands of times
/// a second, and each event reaches the server and every page of the desktop's user.
const SCREEN_INTERVAL: Duration = Duration::from_millis(250);

/// State of the machine, and the listeners, behind one lock.
struct State {
    run: RunState,
    reason: Option<PauseReason>,
    screen: ScreenSize,
    listeners: Vec<SyncSender<Event>>,
    end: Option<ExitReport>,
}

/// Size of the first screen in pixels, as it was published and as it is.
#[derive(Default)]
struct ScreenSize {
    /// Size that was published last, and when.
    published: Option<((u32, u32), Instant)>,
    /// Size that a thread publishes once the interval is over.
    pending: Option<(u32, u32)>,
}

/// Current state of one machine, from `Starting` to its end, and publisher of its changes.
pub struct Events {
    state: Mutex<State>,
    ended: Condvar,
}

impl Default for Events {
    fn default() -> Self {
        let state = State {
            run: RunState::Starting,
            reason: None,
            screen: ScreenSize::default(),
            listeners: Vec::new(),
            end: None,
        };
        Self { state: Mutex::new(state), ended: Condvar::new() }
    }
}

impl Events {
    /// Returns a channel of all further events; it closes after [`Event::Ended`]. After the machine's end,
    /// the channel holds that event alone.
    pub fn listen(&self) -> Receiver<Event> {
        let (sender, receiver) = sync_channel(BACKLOG);
        let mut state = self.state.lock();
        match &state.end {
            Some(end) => drop(sender.try_send(ended(end))),
            None => state.listeners.push(sender),
        }
        receiver
    }

    /// Returns the machine's current state.
    pub fn run_state(&self) -> RunState {
        self.state.lock().run
    }

    /// Returns the reason of a pause that no user requested; `None` in every other state.
    pub fn pause_reason(&self) -> Option<PauseReason> {
        self.state.lock().reason
    }

    /// Sets the state, without a reason of a pause, and publishes it if it differs.
    pub fn set_run_state(&self, run: RunState) {
        self.set_state(run, None);
    }

    /// Sets the state to `Paused` for `reason`, without a user's request, and publishes it if it differs.
    pub fn set_paused(&self, reason: PauseReason) {
        self.set_state(RunState::Paused, Some(reason));
    }

    /// Sets and publishes the state if it differs and the machine has not ended.
    fn set_state(&self, run: RunState, reason: Option<PauseReason>) {
        let mut state = self.state.lock();
        if (state.run, state.reason) != (run, reason) && state.end.is_none() {
            state.run = run;
            state.reason = reason;
            publish(&mut state, &Event::State { state: run, reason });
        }
    }

    /// Publishes the size of the first screen in pixels, at the guest's first picture and at every change. Of
    /// several changes within a quarter of a second only the last is published, at the end of that time.
    pub fn screen(self: &Arc<Self>, width: u32, height: u32) {
        let size = (width, height);
        let mut state = self.state.lock();
        match (state.screen.published, state.screen.pending) {
            // A thread is on its way.
            (_, Some(_)) => state.screen.pending = Some(size),
            (Some((published, _)), None) if published == size => {}
            (Some((_, at)), None) if at.elapsed() < SCREEN_INTERVAL => {
                let events = self.clone();
                let wait = SCREEN_INTERVAL.saturating_sub(at.elapsed());
                let later = move || {
                    std::thread::sleep(wait);
                    events.publish_pending_screen();
                };
                match std::thread::Builder::new().name("screen-size".into()).spawn(later) {
                    Ok(_) => state.screen.pending = Some(size),
                    Err(error) => {
                        tracing::warn!(%error, "no thread to publish the screen's size; the next change is");
                    }
                }
            }
            (_, None) => publish_screen(&mut state, size),
        }
    }

    /// Publishes the size that the screen has at the end of the interval, unless it is the one from before.
    fn publish_pending_screen(&self) {
        let mut state = self.state.lock();
        let published = state.screen.published.map(|(size, _)| size);
        if let Some(size) = state.screen.pending.take()
            && published != Some(size)
        {
            publish_screen(&mut state, size);
        }
    }

    /// Publishes the end of the machine with one plain sentence, and closes all listeners' channels. Only the
    /// first call has an effect.
    pub fn end(&self, reason: ExitReason, text: impl Into<String>) {
        let mut state = self.state.lock();
        if state.end.is_none() {
            let end = ExitReport { reason, text: text.into() };
            publish(&mut state, &ended(&end));
            state.listeners.clear();
            state.end = Some(end);
            self.ended.notify_all();
        }
    }

    /// Waits for the end of the machine and returns its exit report.
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

/// Publishes the first screen's size.
fn publish_screen(state: &mut State, size: (u32, u32)) {
    state.screen.published = Some((size, Instant::now()));
    let (width, height) = size;
    publish(state, &Event::Screen { width, height });
}

fn ended(end: &ExitReport) -> Event {
    Event::Ended { reason: end.reason, text: end.text.clone() }
}

/// Sends `event` to all listeners, and drops those whose channels are full or closed.
fn publish(state: &mut State, event: &Event) {
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
        for turn in 0..1000 {
            events.set_run_state(if turn % 2 == 0 { RunState::Running } else { RunState::Paused });
        }
        assert_eq!(deaf.iter().count(), BACKLOG);
    }

    #[test]
    fn flips_of_the_screen_s_size_are_told_a_few_times_and_the_last_one_always() {
        let events = Arc::new(Events::default());
        let heard = events.listen();
        let size = |width| Event::Screen { width, height: 480 };
        for turn in 0..10_000u32 {
            events.screen(640 + turn % 2, 480);
        }
        events.screen(1024, 480);
        let patience = Duration::from_secs(60);
        let mut told = Vec::new();
        while told.last() != Some(&size(1024)) {
            told.push(heard.recv_timeout(patience).expect("the last size is told"));
        }
        assert_eq!(told[0], size(640), "the first picture is told at once");
        assert!(told.len() <= 8, "{} events", told.len());
        for _ in 0..100 {
            events.screen(1024, 480);
        }
        events.end(ExitReason::Stopped, "Stopped.");
        assert_eq!(heard.iter().count(), 1, "an equal size is no change");
    }
}
