//! The machine's end of its connection to the supervisor.

use crate::launch::{FromMachine, LaunchSpec, MAX_TO_MACHINE, ToMachine};
use crate::machine::Machine;
use oriel_jail::packets::Packets;
use oriel_jail::seccomp::{ThreadKind, apply_thread_filter};
use oriel_net::BackendConnector;
use parking_lot::Mutex;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, OnceLock};

/// Messages to and from the supervisor.
pub struct SupervisorChannel {
    packets: Packets,
    /// What is to be stopped when the supervisor says so, once it is there.
    machine: OnceLock<Arc<dyn Machine>>,
    /// Whoever asked the supervisor for a connection waits for the answer; one at a time.
    connected: Mutex<Receiver<io::Result<OwnedFd>>>,
    answers: Sender<io::Result<OwnedFd>>,
}

impl SupervisorChannel {
    /// Of the descriptor that the supervisor handed to this process.
    pub fn new(socket: OwnedFd) -> Self {
        let (answers, connected) = channel();
        Self { packets: socket.into(), machine: OnceLock::new(), connected: Mutex::new(connected), answers }
    }

    /// The first message, with the descriptors that come along; `None` when there is no supervisor.
    ///
    /// # Errors
    /// When it is not understood.
    pub fn receive_launch_spec(&self) -> io::Result<Option<(LaunchSpec, Vec<OwnedFd>)>> {
        self.packets.receive(MAX_TO_MACHINE)
    }

    /// Tells the supervisor something. Without one this process ends in a moment, so nothing is lost.
    pub fn send(&self, message: &FromMachine) {
        let _ = self.packets.send(message, &[]);
    }

    /// From now on the supervisor stops `machine`.
    pub fn attach_machine(&self, machine: Arc<dyn Machine>) {
        let _ = self.machine.set(machine);
    }

    /// Starts the thread that hears the supervisor. When the supervisor is gone, or ends what does not run
    /// yet, the process ends at once.
    ///
    /// # Errors
    /// When no thread can be started.
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

    fn handle_message(&self) {
        match self.packets.receive(MAX_TO_MACHINE) {
            Ok(Some((ToMachine::Stop, _))) => match self.machine.get() {
                Some(machine) => drop(machine.stop()),
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
            Err(error) => tracing::error!(%error, "the supervisor said something that is not understood"),
        }
    }
}

/// A network interface whose passt the supervisor starts.
pub struct SupervisedPasst {
    /// To the supervisor.
    pub channel: Arc<SupervisorChannel>,
    /// The number of the interface.
    pub network: usize,
}

impl BackendConnector for SupervisedPasst {
    fn connect(&self) -> io::Result<OwnedFd> {
        let answers = self.channel.connected.lock();
        self.channel.packets.send(&FromMachine::Connect(self.network), &[])?;
        answers.recv().map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?
    }
}
