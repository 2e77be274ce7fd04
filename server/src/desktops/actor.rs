//! The one writer of a desktop: a task that takes orders, hears its machine, and records every
//! change of state before acting on it.

use super::admission::{Promise, Refusal, admit};
use super::audience::{self, Attention, Audience};
use super::control::{ControlLink, Events};
use super::directory::World;
use super::prepare::{PrepareError, Up, prepare, read_exit_report};
use super::process;
use super::status::{State, Status};
use super::table::Record;
use crate::state::DesktopDir;
use oriel_auth::unix_now;
use oriel_vmm_api::{Accel, Command, Event, ExitReason, ExitReport, RunState};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// A machine that was told to end at once has so long to do it.
const UNPLUG_PATIENCE: Duration = Duration::from_secs(10);
/// A machine whose connection broke has so long to be gone or to answer again.
const GONE_PATIENCE: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(50);

type Answer = oneshot::Sender<Result<(), Refusal>>;

/// What a desktop can be told.
pub(super) enum Order {
    Start(Answer),
    Stop { force: bool, reply: Answer },
    Restart(Answer),
    Reset(Answer),
}

pub(super) struct Actor {
    world: Arc<World>,
    id: String,
    dir: DesktopDir,
    status: watch::Sender<Status>,
    machine: Machine,
    /// What happens next if nothing else does.
    deadline: Option<(Instant, Escalation)>,
    /// A restart, or a start that came while it was stopping.
    start_again: bool,
    /// What the machine said last, before its connection ended.
    exit_report: Option<ExitReport>,
    pid: Option<u32>,
    attention: Attention,
    /// It was said that weights cannot be set.
    unweighed: bool,
}

enum Machine {
    Down,
    Preparing {
        task: JoinHandle<Result<Up, PrepareError>>,
        progress: watch::Receiver<String>,
        off: CancellationToken,
    },
    Up {
        link: ControlLink,
        events: Events,
    },
}

#[derive(Clone, Copy)]
enum Escalation {
    /// The guest did not shut down: pull the plug.
    PullPlug,
    /// The machine did not end: kill its processes.
    Kill,
}

enum News {
    Progress(String),
    Prepared(Result<Up, PrepareError>),
    Event(Event),
    Gone,
}

impl Machine {
    /// Waits for news; giving up the wait loses none.
    async fn news(&mut self) -> News {
        match self {
            Self::Down => std::future::pending().await,
            Self::Preparing { task, progress, .. } => tokio::select! {
                Ok(()) = progress.changed() => News::Progress(progress.borrow_and_update().clone()),
                outcome = task => News::Prepared(outcome.unwrap_or_else(|error| {
                    Err(PrepareError::Failed(format!("The start of the desktop broke off: {error}.")))
                })),
            },
            Self::Up { events, .. } => events.recv().await.map_or(News::Gone, News::Event),
        }
    }
}

impl Actor {
    /// Starts the task; a desktop that was recorded as up is adopted first.
    pub(super) fn spawn(
        world: Arc<World>,
        record: &Record,
        orders: mpsc::Receiver<Order>,
        audience: watch::Receiver<Audience>,
    ) -> watch::Receiver<Status> {
        let (status, watcher) = watch::channel(Status {
            state: record.state,
            reason: record.reason.clone(),
            since: record.since,
            progress: None,
            reachable: false,
            screen: None,
            runs_on: None,
        });
        let actor = Self {
            dir: world.state.desktop(&record.id),
            world,
            id: record.id.clone(),
            status,
            machine: Machine::Down,
            deadline: None,
            start_again: false,
            exit_report: None,
            pid: record.pid,
            attention: Attention::Unwatched,
            unweighed: false,
        };
        tokio::spawn(actor.run(orders, audience));
        watcher
    }

    async fn run(mut self, mut orders: mpsc::Receiver<Order>, mut audience: watch::Receiver<Audience>) {
        if self.state().is_up() {
            self.adopt().await;
        }
        loop {
            let deadline = self.deadline;
            tokio::select! {
                order = orders.recv() => match order {
                    Some(order) => self.obey(order).await,
                    None => return,
                },
                news = self.machine.news() => self.hear(news).await,
                Some(escalation) = overdue(deadline) => self.escalate(escalation).await,
                attention = audience::changed(&mut audience, self.attention) => {
                    self.attention = attention;
                    self.weigh();
                }
            }
        }
    }

    fn state(&self) -> State {
        self.status.borrow().state
    }

    /// Changes what is seen of the desktop, and says so.
    fn publish(&self, change: impl FnOnce(&mut Status)) {
        self.status.send_modify(change);
        // Nobody listening is no failure.
        let _ = self.world.changes.send(self.id.clone());
    }

    /// Records the state, then shows it.
    async fn enter(&mut self, state: State, reason: Option<String>) -> Result<(), Refusal> {
        let since = unix_now();
        self.world.table.set_state(&self.id, state, reason.as_deref(), since).await?;
        if state != State::Starting {
            self.world.promised.lock().await.remove(&self.id);
        }
        tracing::info!(desktop = %self.id, state = state.as_str(), reason, "desktop");
        self.publish(|status| {
            status.state = state;
            status.reason = reason;
            status.since = since;
            if state != State::Starting {
                status.progress = None;
            }
            if !state.is_up() {
                status.reachable = false;
                status.screen = None;
                status.runs_on = None;
            }
        });
        Ok(())
    }

    async fn obey(&mut self, order: Order) {
        let (outcome, reply) = match order {
            Order::Start(reply) => (self.start().await, reply),
            Order::Stop { force, reply } => {
                self.start_again = false;
                (self.stop(force).await, reply)
            }
            Order::Restart(reply) => (self.restart().await, reply),
            Order::Reset(reply) => (self.reset().await, reply),
        };
        // Whoever asked may have hung up.
        let _ = reply.send(outcome);
    }

    async fn start(&mut self) -> Result<(), Refusal> {
        match self.state() {
            State::Starting | State::Running => Ok(()),
            State::Stopping => {
                self.start_again = true;
                Ok(())
            }
            State::Stopped | State::Failed => self.begin().await,
        }
    }

    /// Brings a machine up; there is none now.
    async fn begin(&mut self) -> Result<(), Refusal> {
        let record = self.world.table.get(&self.id).await?;
        let record = record.ok_or_else(|| Refusal::Conflict("This desktop has been removed.".into()))?;
        let world = Arc::clone(&self.world);
        let mut promised = world.promised.lock().await;
        let admitted = admit(&world, &record, &promised).await?;
        let promise = Promise {
            memory_mib: record.pool.settings.memory_mib,
            cpus: record.pool.settings.cpus,
            tap: admitted.tap.clone(),
        };
        promised.insert(self.id.clone(), promise);
        drop(promised);
        self.enter(State::Starting, None).await?;
        let (sender, progress) = watch::channel(String::new());
        let off = CancellationToken::new();
        let task = tokio::spawn(prepare(world, record, admitted, sender, off.clone()));
        self.machine = Machine::Preparing { task, progress, off };
        Ok(())
    }

    async fn stop(&mut self, force: bool) -> Result<(), Refusal> {
        match self.state() {
            State::Stopped | State::Failed => return Ok(()),
            State::Stopping if !force => return Ok(()),
            State::Starting | State::Running | State::Stopping => {}
        }
        self.enter(State::Stopping, None).await?;
        match &mut self.machine {
            Machine::Down => {}
            Machine::Preparing { off, .. } => off.cancel(),
            Machine::Up { .. } if force => self.escalate(Escalation::PullPlug).await,
            Machine::Up { link, .. } => {
                let pressed = link.request(Command::ShutDown).await;
                if let Err(text) = pressed {
                    tracing::warn!(desktop = %self.id, text, "the guest could not be told to shut down");
                }
                self.deadline = Some((Instant::now() + self.grace(), Escalation::PullPlug));
            }
        }
        Ok(())
    }

    async fn restart(&mut self) -> Result<(), Refusal> {
        if !self.state().is_up() {
            return self.start().await;
        }
        self.stop(false).await?;
        self.start_again = true;
        Ok(())
    }

    async fn reset(&mut self) -> Result<(), Refusal> {
        match &mut self.machine {
            Machine::Up { link, .. } => link.request(Command::Reset).await.map_err(Refusal::Unavailable),
            _ => Err(Refusal::Conflict("The desktop is not running; start it instead.".into())),
        }
    }

    fn grace(&self) -> Duration {
        let limits = &self.world.config.desktops;
        let emulated = matches!(self.status.borrow().runs_on, Some((_, Accel::Tcg)));
        let seconds = if emulated { limits.stop_grace_emulated_s } else { limits.stop_grace_s };
        Duration::from_secs(seconds.into())
    }

    async fn escalate(&mut self, escalation: Escalation) {
        self.deadline = None;
        match (escalation, &mut self.machine) {
            (Escalation::PullPlug, Machine::Up { link, .. }) => {
                self.deadline = Some((Instant::now() + UNPLUG_PATIENCE, Escalation::Kill));
                if let Err(text) = link.request(Command::Stop).await {
                    tracing::warn!(desktop = %self.id, text, "the plug could not be pulled");
                }
            }
            (Escalation::Kill, Machine::Up { .. }) => self.kill().await,
            (_, Machine::Down | Machine::Preparing { .. }) => {}
        }
    }

    async fn kill(&self) {
        if let Some(pid) = self.pid
            && process::is_alive(&self.dir).await
        {
            process::kill_group(pid);
        }
    }

    async fn hear(&mut self, news: News) {
        match news {
            News::Progress(text) => self.publish(|status| status.progress = Some(text)),
            News::Prepared(Ok(up)) => self.connected(up).await,
            News::Prepared(Err(error)) => {
                self.machine = Machine::Down;
                let text = match error {
                    PrepareError::Failed(text) if self.state() != State::Stopping => Some(text),
                    _ => None,
                };
                self.settle(text).await;
            }
            News::Event(Event::State { state, .. }) => self.follow(state).await,
            News::Event(Event::Screen { width, height }) => {
                self.publish(|status| status.screen = Some((width, height)));
            }
            News::Event(Event::Ended { reason, text }) => {
                self.exit_report = Some(ExitReport { reason, text })
            }
            News::Gone => self.gone().await,
        }
    }

    /// A machine answers: a new one, or one that an earlier server started.
    async fn connected(&mut self, up: Up) {
        let Up { link, events, description, pid } = up;
        // As recorded when it was started, not as it says itself: its guest may have taken it over.
        self.pid = pid.or(self.pid);
        self.machine = Machine::Up { link, events };
        self.exit_report = None;
        self.publish(|status| {
            status.reachable = true;
            status.screen = description.screen;
            status.runs_on = Some((description.machine, description.accel));
            status.progress = Some("Starting the guest.".into());
        });
        if self.state() == State::Stopping {
            self.deadline = Some((Instant::now() + self.grace(), Escalation::PullPlug));
        }
        self.weigh();
        self.follow(description.state).await;
    }

    /// Gives the machine the weight that it deserves.
    fn weigh(&mut self) {
        let (Some(group), Machine::Up { .. }) = (self.pid, &self.machine) else { return };
        if let Err(error) = self.world.schedule.weigh(&self.id, group, self.attention)
            && !std::mem::replace(&mut self.unweighed, true)
        {
            tracing::warn!(desktop = %self.id, %error, "the desktop's share of the processors stays as it is");
        }
    }

    async fn follow(&mut self, machine: RunState) {
        let next = match (machine, self.state()) {
            (RunState::Running, State::Starting) => State::Running,
            (RunState::Stopping, State::Starting | State::Running) => State::Stopping,
            _ => return,
        };
        if let Err(refusal) = self.enter(next, None).await {
            tracing::error!(desktop = %self.id, text = refusal.text(), "a state was not recorded");
        }
    }

    /// The connection ended: the machine has, or is about to, or must be made to.
    async fn gone(&mut self) {
        self.machine = Machine::Down;
        self.deadline = None;
        let until = Instant::now() + GONE_PATIENCE;
        while process::is_alive(&self.dir).await {
            if Instant::now() >= until {
                tracing::warn!(desktop = %self.id, "a machine that no longer answers is killed");
                self.kill().await;
            } else if self.exit_report.is_none()
                && let Ok((link, events, description)) = ControlLink::connect(&self.dir.socket()).await
            {
                return self.connected(Up { link, events, description, pid: None }).await;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        let words = self.exit_report.take().or_else(|| read_exit_report(&self.dir));
        let stopping = self.state() == State::Stopping;
        let failure = match words {
            Some(ExitReport { reason: ExitReason::GuestPowerOff | ExitReason::Stopped, .. }) => None,
            Some(ExitReport { text, .. }) => Some(text),
            None if stopping => None,
            None => Some(self.why_killed().unwrap_or_else(|| {
                format!(
                    "The desktop's machine ended without saying why; see {}.",
                    self.dir.vmm_log().display()
                )
            })),
        };
        self.settle(failure).await;
    }

    fn why_killed(&self) -> Option<String> {
        self.world.cgroups.as_ref().ok()?.why_killed(&self.id)
    }

    /// There is no machine any more: stopped, failed, or to be started again.
    async fn settle(&mut self, failure: Option<String>) {
        self.deadline = None;
        self.pid = None;
        if let Ok(cgroups) = &self.world.cgroups {
            cgroups.leave(&self.id);
        }
        if let Err(error) = self.world.table.set_pid(&self.id, None).await {
            tracing::error!(desktop = %self.id, %error, "the machine's end was not recorded");
        }
        let failure = if std::mem::take(&mut self.start_again) {
            match self.begin().await {
                Ok(()) => return,
                Err(refusal) => Some(refusal.text().to_owned()),
            }
        } else {
            failure
        };
        let state = if failure.is_some() { State::Failed } else { State::Stopped };
        if let Err(refusal) = self.enter(state, failure).await {
            tracing::error!(desktop = %self.id, text = refusal.text(), "a state was not recorded");
        }
    }

    /// Sets the limits of a control group again, which they lose when systemd restarts the server.
    async fn hold_again(&self, accel: Accel) {
        if let Ok(Some(record)) = self.world.table.get(&self.id).await
            && let Err(text) = self.world.cgroup(&record, accel)
        {
            tracing::warn!(desktop = %self.id, text, "an adopted desktop has no limits");
        }
    }

    /// Finds the machine that an earlier server started, or learns what became of it.
    async fn adopt(&mut self) {
        match ControlLink::connect(&self.dir.socket()).await {
            Ok((link, events, description)) => {
                tracing::info!(desktop = %self.id, pid = description.pid, "adopted");
                self.hold_again(description.accel).await;
                self.connected(Up { link, events, description, pid: None }).await;
            }
            // Either it has ended, or its socket is not there yet: `gone` waits and finds out.
            Err(_) => self.gone().await,
        }
    }
}

/// Waits for the deadline; forever without one.
async fn overdue(deadline: Option<(Instant, Escalation)>) -> Option<Escalation> {
    match deadline {
        Some((at, escalation)) => {
            tokio::time::sleep_until(at).await;
            Some(escalation)
        }
        None => std::future::pending().await,
    }
}
