//! Start of QEMU: sockets, process, QMP, display, input and sound; and the diagnosis of a failed start.

use crate::command_line::{InheritedFds, arguments};
use crate::counters::Counters;
use crate::dbus::{Console, serve_listener, serve_microphone, serve_speaker};
use crate::disks;
use crate::display::{DisplaySurface, IsEnabled};
use crate::error::{CommandError, StartError};
use crate::input::{self, InputQueue};
use crate::logs::{collect_stderr, copy_serial_log};
use crate::network::{NetdevFd, NetworkInterfaces};
use crate::ports::{GuestPort, PortListeners};
use crate::process::{self, Process};
use crate::qmp::{Command as QmpCommand, Qmp};
use crate::resources::QemuResources;
use crate::state::{ReaderThreads, StateTracker};
use oriel_display::{Monitors, Screen};
use oriel_vmm_api::{Accel, Event, HugePages, MachineConfig};
use oriel_wire::MonitorConfig;
use parking_lot::Mutex;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, Receiver};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Maximum time until QEMU has connected to a D-Bus listener.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(10);

/// Process, connections and shared state of a started machine.
pub(crate) struct Started {
    /// Accelerator that executes guest code.
    pub accel: Accel,
    /// Version of QEMU, e.g. `7.2.22`.
    pub version: String,
    /// QEMU's process.
    pub process: Process,
    /// Control connection.
    pub qmp: Qmp,
    /// Queue of the viewers' input events.
    pub input: Arc<InputQueue>,
    /// Tracker of the machine's state.
    pub tracker: Arc<StateTracker>,
    /// Counters of the machine.
    pub counters: Arc<Counters>,
    /// Network interfaces, whose relays run until this value is dropped.
    _networks: NetworkInterfaces,
    /// Receiver of the machine's events, until the machine's owner takes it.
    pub events: Mutex<Option<Receiver<Event>>>,
}

/// Starts QEMU for `config` and runs the guest.
///
/// # Errors
/// A [`StartError`]; the process is killed.
pub(crate) fn start(
    config: &MachineConfig,
    resources: QemuResources,
    mut serial_log: impl Write + Send + 'static,
    monitors: &Arc<Monitors>,
    ports: Vec<GuestPort>,
) -> Result<Started, StartError> {
    let QemuResources { setup, disks, net_backends } = resources;
    let mut images: Vec<Vec<File>> = Vec::new();
    for (disk, files) in config.disks.iter().zip(disks) {
        disks::check(disk, files.for_check)?;
        images.push(files.for_qemu);
    }
    let counters = Arc::new(Counters::default());
    let input = InputQueue::new(Arc::clone(&counters));
    let (sender, events) = mpsc::channel();
    let (mut names, mut listeners, mut inherit) = (Vec::new(), Vec::new(), Vec::<OwnedFd>::new());
    for GuestPort { name, stream, on_open } in ports {
        names.push((name, stream.as_raw_fd()));
        listeners.push(on_open);
        inherit.push(stream.into());
    }
    let tracker = Arc::new(StateTracker::new(
        config.memory_mib,
        Arc::clone(monitors),
        Arc::clone(&counters),
        Arc::clone(&input),
        PortListeners::new(listeners),
        sender,
    ));

    let (qmp, qmp_theirs) = UnixStream::pair()?;
    let (serial, serial_theirs) = UnixStream::pair()?;
    let (networks, ends) = NetworkInterfaces::prepare(&config.networks, net_backends)?;
    let inherited = InheritedFds {
        qmp: qmp_theirs.as_raw_fd(),
        serial: serial_theirs.as_raw_fd(),
        disks: images.iter().map(|images| images.iter().map(AsRawFd::as_raw_fd).collect()).collect(),
        networks: ends.iter().map(|end| end.netdev()).collect(),
        ports: names,
    };
    inherit.extend([qmp_theirs.into(), serial_theirs.into()]);
    let mut command = Command::new(&setup.program);
    command.args(arguments(config, &setup, &inherited));
    if config.huge_pages == HugePages::Never {
        process::forbid_huge_pages(&mut command);
    }
    inherit.extend(images.into_iter().flatten().map(OwnedFd::from));
    inherit.extend(ends.into_iter().filter_map(NetdevFd::into_fd));

    let (readers, take_readers) = mpsc::channel::<ReaderThreads>();
    let exit_tracker = Arc::clone(&tracker);
    let (process, stderr) = Process::spawn(command, inherit, move |status| {
        // Without readers the start failed, and `start` returns the reason.
        if let Ok(readers) = take_readers.recv() {
            exit_tracker.process_exited(status, readers);
        }
    })?;
    let kill_on_failure = KillOnDrop(Some(process.clone()));
    let stderr = spawn("qemu-stderr", move || collect_stderr(stderr))?;
    let serial_counters = Arc::clone(&counters);
    spawn("qemu-serial", move || copy_serial_log(serial, &mut serial_log, &serial_counters))?;
    if config.sound {
        monitors.add_sound();
    }
    let connections = match establish_connections(qmp, monitors, &tracker, &counters, &networks) {
        Ok(connections) => connections,
        Err(error) => return Err(diagnose(&error, &process, stderr, config)),
    };
    let (queue, injector_console, injector_qmp) =
        (Arc::clone(&input), connections.console.clone(), connections.qmp.clone());
    let (injector_monitors, injector_counters) = (Arc::clone(monitors), Arc::clone(&counters));
    spawn("qemu-input", move || {
        input::inject_events(&queue, injector_console, injector_qmp, &injector_monitors, &injector_counters)
    })?;
    kill_on_failure.disarm();
    drop(readers.send(ReaderThreads { qmp: connections.qmp_thread, stderr }));
    Ok(Started {
        accel: setup.accel,
        version: connections.version,
        process,
        qmp: connections.qmp,
        input,
        tracker,
        counters,
        _networks: networks,
        events: Mutex::new(Some(events)),
    })
}

/// Guard that kills the process if the start fails.
struct KillOnDrop(Option<Process>);

impl KillOnDrop {
    /// Keeps the process, after a successful start.
    fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        if let Some(process) = &self.0 {
            process.kill();
        }
    }
}

/// Starts a thread called `name`.
fn spawn<T: Send + 'static>(
    name: &str,
    body: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    thread::Builder::new().name(name.to_owned()).spawn(body)
}

/// Connections to a QEMU whose guest runs.
struct Connections {
    version: String,
    qmp: Qmp,
    qmp_thread: JoinHandle<()>,
    console: Console,
}

/// Output of the graphics device: QEMU's console, and the screen that shows it.
struct ConsoleOutput {
    console: Console,
    screen: Arc<Screen>,
    enabled: IsEnabled,
}

impl ConsoleOutput {
    /// Connects, resizes or disconnects the monitor at this output.
    fn apply_monitor(&self, config: Option<&MonitorConfig>) {
        self.enabled.store(config.is_some(), Ordering::Release);
        if config.is_none() {
            self.screen.set_scanout(None);
        }
        if let Err(error) = self.console.set_monitor(config) {
            tracing::debug!(%error, "QEMU did not take a monitor's size");
        }
    }
}

/// Connects QMP, the displays and sound, and then runs the guest.
fn establish_connections(
    qmp: UnixStream,
    monitors: &Arc<Monitors>,
    tracker: &Arc<StateTracker>,
    counters: &Arc<Counters>,
    networks: &NetworkInterfaces,
) -> Result<Connections, CommandError> {
    let event_tracker = Arc::clone(tracker);
    let (qmp, version, qmp_thread) =
        Qmp::connect(qmp, move |qmp, event| event_tracker.handle_event(qmp, event))?;

    let (display, display_theirs) = pair()?;
    qmp.execute_with(&QmpCommand::Getfd { fdname: "display" }, display_theirs.as_fd())?;
    drop(display_theirs);
    qmp.execute(&QmpCommand::AddClient { protocol: "@dbus-display", fdname: "display" })?;
    let lights = Arc::clone(monitors);
    let console = Console::connect(display, move |leds| lights.set_leds(leds))?;

    let mut outputs = Vec::new();
    for (n, screen) in monitors.screens().iter().enumerate() {
        let output = ConsoleOutput {
            console: console.of_screen(n),
            screen: screen.clone(),
            enabled: IsEnabled::default(),
        };
        output.enabled.store(n == 0, Ordering::Release);
        let surface = DisplaySurface::new(screen.clone(), output.enabled.clone());
        let (listener, listener_theirs) = pair()?;
        let connected = serve_listener(listener, surface, Arc::clone(counters)).map_err(refused)?;
        output.console.register_listener(OwnedFd::from(listener_theirs))?;
        connected.recv_timeout(RESPONSE_TIMEOUT).map_err(|_| CommandError::Timeout)??;
        outputs.push(output);
    }
    monitors.on_layout_request(move |wanted| {
        for (output, wanted) in outputs.iter().zip(wanted) {
            output.apply_monitor(wanted.as_ref());
        }
    });

    if let Some(sound) = monitors.sound() {
        let (speaker, speaker_theirs) = pair()?;
        let connected = serve_speaker(speaker, sound.clone()).map_err(refused)?;
        console.register_speaker(OwnedFd::from(speaker_theirs))?;
        connected.recv_timeout(RESPONSE_TIMEOUT).map_err(|_| CommandError::Timeout)??;
        let (microphone, microphone_theirs) = pair()?;
        let connected = serve_microphone(microphone, sound.clone()).map_err(refused)?;
        console.register_microphone(OwnedFd::from(microphone_theirs))?;
        connected.recv_timeout(RESPONSE_TIMEOUT).map_err(|_| CommandError::Timeout)??;
    }

    networks.report_links_to(&qmp);
    qmp.execute(&QmpCommand::Cont)?;
    Ok(Connections { version, qmp, qmp_thread, console })
}

/// Creates a pair of connected sockets.
fn pair() -> Result<(UnixStream, UnixStream), CommandError> {
    UnixStream::pair().map_err(refused)
}

/// Converts an error of the host.
fn refused(error: io::Error) -> CommandError {
    CommandError::Refused(error.to_string())
}

/// Derives a sentence for users from a failed start, and ends the process.
fn diagnose(
    error: &CommandError,
    process: &Process,
    stderr: JoinHandle<Vec<String>>,
    config: &MachineConfig,
) -> StartError {
    let by_itself = process.wait(Duration::from_secs(1)).is_some();
    process.kill();
    process.wait(RESPONSE_TIMEOUT);
    let lines = stderr.join().unwrap_or_default();
    if by_itself { ended_at_once(&lines, config) } else { StartError::Unexpected(error.to_string()) }
}

/// Derives from the `lines` on standard error why QEMU exited.
fn ended_at_once(lines: &[String], config: &MachineConfig) -> StartError {
    let find = |part: &str| lines.iter().find(|line| line.contains(part));
    if find("'dbus'").is_some() {
        return StartError::NoDbusDisplay;
    }
    let no_memory = find("cannot set up guest memory").or(find("Cannot allocate memory")).is_some();
    if config.huge_pages == HugePages::Reserved && (no_memory || find("memfd").is_some()) {
        return StartError::ReservedMemory(config.memory_mib);
    }
    if no_memory {
        return StartError::Memory(config.memory_mib);
    }
    if find("KVM").is_some() && find("Permission denied").is_some() {
        return StartError::KvmDenied;
    }
    if let Some(line) = find("lock").filter(|line| line.contains("Failed to get")) {
        let images = config.disks.iter().enumerate().flat_map(|(index, disk)| {
            let below = disk.backing.iter().map(|layer| &layer.path);
            let paths = std::iter::once(&disk.path).chain(below).enumerate();
            paths.map(move |(depth, path)| (disks::image_name(index, depth), path))
        });
        let named =
            images.filter(|(name, _)| line.contains(&format!("{name}\""))).map(|(_, path)| path).next();
        if let Some(path) = named.or(config.disks.first().map(|disk| &disk.path)) {
            return StartError::DiskInUse(path.clone());
        }
    }
    let last = lines.last().map_or("it printed no reason", String::as_str);
    StartError::ExitedAtOnce(last.trim_start_matches("qemu-system-x86_64: ").to_owned())
}
