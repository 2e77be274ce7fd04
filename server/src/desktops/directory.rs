//! Finding the task of a desktop, and what all of them share.

use super::actor::{Actor, Order};
use super::admission::{Promise, Refusal};
use super::audience::{self, Attention, Audience};
use super::base::Base;
use super::cgroup::{Cgroups, Entrance, Limits};
use super::control;
use super::host::HostProbe;
use super::schedule::Schedule;
use super::status::Status;
use super::table::{DesktopTable, Record};
use crate::config::Config;
use crate::images::{DiskProgram, ImageError, ImageStore};
use crate::people::SettingsTable;
use crate::state::StateDir;
use futures_util::future::join_all;
use oriel_vmm_api::{Accel, Description, ViewerMode};
use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::time::Instant;

/// Whoever looks at all machines does not wait longer for one that is stuck.
const LONGEST_LOOK: Duration = Duration::from_secs(2);

/// What every desktop's task needs.
pub struct World {
    /// The configuration.
    pub config: Config,
    /// The state folder.
    pub state: StateDir,
    /// What is recorded.
    pub table: DesktopTable,
    /// People's settings.
    pub settings: SettingsTable,
    /// Images.
    pub images: ImageStore,
    /// Makes their overlays.
    pub disks: DiskProgram,
    /// The host.
    pub probe: HostProbe,
    /// Names each desktop that changed.
    pub changes: broadcast::Sender<String>,
    /// Control groups, or what is missing for them.
    pub cgroups: Result<Cgroups, String>,
    /// Who comes first.
    pub(super) schedule: Schedule,
    /// Held while it is decided whether a desktop may start; says what is promised to those that
    /// have not taken it yet.
    pub(super) promised: tokio::sync::Mutex<HashMap<String, Promise>>,
}

impl World {
    /// What the desktop starts from.
    ///
    /// # Errors
    /// Its image is missing or damaged.
    pub fn base_of(&self, record: &Record) -> Result<Base, ImageError> {
        Base::of(&self.images, &self.state.desktop(&record.id), record)
    }

    /// The way into the desktop's control group, whose limits are set; `None` where there are none.
    ///
    /// # Errors
    /// A sentence.
    pub(super) fn cgroup(&self, record: &Record, accel: Accel) -> Result<Option<Entrance>, String> {
        let Ok(cgroups) = &self.cgroups else { return Ok(None) };
        let entered = cgroups.enter(&record.id, &Limits::of(&record.pool.settings, accel));
        entered.map(Some).map_err(|error| format!("The desktop's control group cannot be set up: {error}."))
    }
}

/// All desktops of this server.
pub struct Desktops {
    world: Arc<World>,
    handles: Mutex<HashMap<String, Handle>>,
}

/// Orders to and news from one desktop's task.
#[derive(Clone)]
pub struct Handle {
    id: String,
    orders: mpsc::Sender<Order>,
    status: watch::Receiver<Status>,
    audience: watch::Sender<Audience>,
    socket: PathBuf,
    changes: broadcast::Sender<String>,
}

impl Desktops {
    /// With the given configuration, over the given state.
    pub fn new(
        config: Config,
        state: StateDir,
        images: ImageStore,
        db: sqlx::SqlitePool,
        vmm: PathBuf,
        cgroups: Result<Cgroups, String>,
    ) -> Self {
        let world = World {
            table: DesktopTable::new(db.clone()),
            settings: SettingsTable::new(db),
            images,
            disks: DiskProgram::new(vmm.clone()),
            probe: HostProbe::new(vmm),
            schedule: cgroups.clone().map_or(Schedule::Nice, Schedule::Groups),
            cgroups,
            changes: broadcast::channel(256).0,
            promised: tokio::sync::Mutex::default(),
            config,
            state,
        };
        Self { world: Arc::new(world), handles: Mutex::default() }
    }

    /// What they share.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// Finds the machines that an earlier server left running.
    ///
    /// # Errors
    /// The database failed.
    pub async fn adopt(&self) -> sqlx::Result<()> {
        for record in self.world.table.all().await? {
            if record.state.is_up() {
                self.handle(&record);
            }
        }
        Ok(())
    }

    /// The desktop's task, which is started if it is not there.
    pub fn handle(&self, record: &Record) -> Handle {
        let mut handles = self.handles.lock().unwrap_or_else(PoisonError::into_inner);
        handles
            .entry(record.id.clone())
            .or_insert_with(|| {
                let (orders, inbox) = mpsc::channel(16);
                let (audience, seen) = watch::channel(Audience::default());
                let status = Actor::spawn(Arc::clone(&self.world), record, inbox, seen);
                Handle {
                    id: record.id.clone(),
                    orders,
                    status,
                    audience,
                    socket: self.world.state.desktop(&record.id).socket(),
                    changes: self.world.changes.clone(),
                }
            })
            .clone()
    }

    /// The desktops whose tasks are there, for counting.
    pub fn statuses(&self) -> Vec<(Status, Attention)> {
        let handles = self.handles.lock().unwrap_or_else(PoisonError::into_inner);
        handles.values().map(|handle| (handle.status(), handle.attention())).collect()
    }

    /// Every desktop that is up by its id, and what the machines of those that answer in time say of
    /// themselves.
    pub async fn descriptions(&self) -> (Vec<String>, Vec<Description>) {
        let handles: Vec<Handle> = {
            let handles = self.handles.lock().unwrap_or_else(PoisonError::into_inner);
            handles.values().filter(|handle| handle.status().reachable).cloned().collect()
        };
        let asked = handles.iter().map(|handle| async {
            let link = control::ControlLink::connect(&handle.socket);
            let (_link, _events, description) = tokio::time::timeout(LONGEST_LOOK, link).await.ok()?.ok()?;
            Some(description)
        });
        let descriptions = join_all(asked).await.into_iter().flatten().collect();
        (handles.into_iter().map(|handle| handle.id).collect(), descriptions)
    }
}

impl Handle {
    /// At this moment.
    pub fn status(&self) -> Status {
        self.status.borrow().clone()
    }

    /// From now on.
    pub fn watch(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    /// How many watch.
    pub fn viewers(&self) -> u32 {
        self.audience.borrow().viewers()
    }

    /// Counts a viewer for as long as the seat is kept.
    pub fn seat(&self) -> ViewerSeat {
        audience::arrive(&self.audience);
        self.tell();
        ViewerSeat { handle: self.clone() }
    }

    /// A viewer typed or pointed.
    pub fn acted(&self) {
        audience::act(&self.audience);
    }

    /// How much it matters to people now.
    pub fn attention(&self) -> Attention {
        self.audience.borrow().attention(Instant::now())
    }

    /// Connects a viewer to the machine.
    ///
    /// # Errors
    /// The machine does not answer.
    pub async fn open_viewer(&self, mode: ViewerMode) -> io::Result<UnixStream> {
        control::open_viewer(&self.socket, mode).await
    }

    /// Starts it; no error if it runs already.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub async fn start(&self) -> Result<(), Refusal> {
        self.order(Order::Start).await
    }

    /// Presses the power button, or pulls the plug.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub async fn stop(&self, force: bool) -> Result<(), Refusal> {
        self.order(|reply| Order::Stop { force, reply }).await
    }

    /// Presses the power button, and starts it again.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub async fn restart(&self) -> Result<(), Refusal> {
        self.order(Order::Restart).await
    }

    /// Presses the reset button.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub async fn reset(&self) -> Result<(), Refusal> {
        self.order(Order::Reset).await
    }

    async fn order(
        &self,
        order: impl FnOnce(oneshot::Sender<Result<(), Refusal>>) -> Order,
    ) -> Result<(), Refusal> {
        let gone = || Refusal::Internal("The desktop's task has ended; restart the server.".into());
        let (reply, answer) = oneshot::channel();
        self.orders.send(order(reply)).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    fn tell(&self) {
        // Nobody listening is no failure.
        let _ = self.changes.send(self.id.clone());
    }
}

/// A viewer's place; leaving it counts them out.
pub struct ViewerSeat {
    handle: Handle,
}

impl Drop for ViewerSeat {
    fn drop(&mut self) {
        audience::leave(&self.handle.audience);
        self.handle.tell();
    }
}
