//! Machine's end of the connection to the supervisor.
//!
//! A thread handles the supervisor's messages: requests to stop, and answers to requests for passt. The end
//! of the connection ends the process. Messages are defined in [`crate::launch`].

use crate::events::Events;
use crate::launch::{FromMachine, LaunchSpec, MAX_TO_MACHINE, ToMachine};
use crate::machine::{Machine, shut_down};
use oriel_jail::packets::Packets;
use oriel_jail::seccomp::{ThreadKind, apply_thread_filter};
use oriel_net::BackendConnector;
use parking_lot::Mutex;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, OnceLock};

/// Connection of the machine's process to its supervisor.
pub struct SupervisorChannel {
    packets: Packets,
    /// Machine that the supervisor ends, with its events, once it is started.
    machine: OnceLock<(Arc<dyn Machine>, Arc<Events>)>,
    /// Answers to [`FromMachine::Connect`]. The lock is held from request to answer, so that requests do not
    /// mix.
    connected: Mutex<Receiver<io::Result<OwnedFd>>>,
    /// Sender of these answers, for the thread that receives the supervisor's messages.
    answers: Sender<io::Result<OwnedFd>>,
}

impl SupervisorChannel {
    /// Creates the connection from the socket that the supervisor passed to this process.
    pub fn new(socket: OwnedFd) -> Self {
        let (answers, connected) = channel();
        Self { packets: socket.into(), machine: OnceLock::new(), connected: Mutex::new(connected), answers }
    }

    /// Receives the first message and its descriptors; `None` when the supervisor has closed the connection.
    ///
    /// # Errors
    /// An error of the system, or one that says why the message is invalid.
    pub fn receive_launch_spec(&self) -> io::Result<Option<(LaunchSpec, Vec<OwnedFd>)>> {
        self.packets.receive(MAX_TO_MACHINE)
    }

    /// Sends `message` to the supervisor. A failure is ignored: it means that the supervisor has ended, and
    /// then this process ends too.
    pub fn send(&self, message: &FromMachine) {
        let _ = self.packets.send(message, &[]);
    }

    /// Sets the machine that the supervisor ends, and its events. Only the first call has an effect.
    pub fn attach_machine(&self, machine: Arc<dyn Machine>, events: Arc<Events>) {
        let _ = self.machine.set((machine, events));
    }

    /// Starts the thread that handles the supervisor's messages. The thread exits the process when the
    /// supervisor closes the connection, or requests a stop before [`Self::attach_machine`].
    ///
    /// # Errors
    /// An error of the system when the thread cannot be started.
    pub fn start(self: &Arc<Self>) -> io::Result<()> {
        let channel = self.clone();
        let serve = move || {
            apply_thread_filter(ThreadKind::Supervisor);
            loop {
                channel.handle_message();
            }
        };
        std::thread::Builder::new().name("supervisor".into()).spawn(serve).map(drop)
    }

    /// Receives and handles one message of the supervisor.
    fn handle_message(&self) {
        match self.packets.receive(MAX_TO_MACHINE) {
            Ok(Some((request @ (ToMachine::ShutDown | ToMachine::Stop), _))) => match self.machine.get() {
                Some((machine, events)) => {
                    let asked =
                        matches!(request, ToMachine::ShutDown) && shut_down(machine.as_ref(), events).is_ok();
                    if !asked {
                        drop(machine.stop());
                    }
                }
                None => std::process::exit(1),
            },
            Ok(Some((ToMachine::Connected, sockets))) => {
                let socket = sockets.into_iter().next().ok_or_else(|| io::ErrorKind::InvalidData.into());
                let _ = self.answers.send(socket);
            }
            Ok(Some((ToMachine::NotConnected(text), _))) => {
                let _ = self.answers.send(Err(io::Error::other(text)));
            }
            Ok(None) => std::process::exit(1),
            Err(error) => tracing::error!(%error, "the supervisor sent an invalid message, which is ignored"),
        }
    }
}

/// Connector of a network interface to a passt process that the supervisor starts.
pub struct SupervisedPasst {
    /// Connection to the supervisor.
    pub channel: Arc<SupervisorChannel>,
    /// Index of the interface in the configuration.
    pub network: usize,
}

impl BackendConnector for SupervisedPasst {
    fn connect(&self) -> io::Result<OwnedFd> {
        let answers = self.channel.connected.lock();
        self.channel.packets.send(&FromMachine::Connect(self.network), &[])?;
        answers.recv().map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?
    }
}
