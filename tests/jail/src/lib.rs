//! What the tests of the jail have an intruder try, and what it answers.

use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::PathBuf;

/// A part of the jail that is left out, so that what stands behind it is seen to hold by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Without {
    /// System calls are not filtered.
    Seccomp,
    /// No rule set.
    Landlock,
    /// The filter of Oriel's own monitor: QEMU's is applied instead.
    KvmFilter,
    /// The root folder has the distribution's programs in it.
    EmptyRoot,
}

/// Something to try.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Attempt {
    /// Open a file or folder for reading.
    Open(PathBuf),
    /// Make a file.
    Create(PathBuf),
    /// Send a process nothing, which tells whether it could be killed.
    Signal(i32),
    /// Trace a process (ptrace(2)).
    Trace(i32),
    /// Read the memory of a process at an address (process_vm_readv(2)).
    ReadMemory(i32, u64),
    /// Connect to a port of the loopback interface.
    ConnectTcp(u16),
    /// Send to a port of an address far away.
    SendAway,
    /// Connect to an abstract Unix socket.
    ConnectAbstract(String),
    /// Connect to a Unix socket.
    ConnectUnix(PathBuf),
    /// How many network interfaces there are besides the loopback.
    CountInterfaces,
    /// Mount a file system over the root.
    Mount,
    /// Become root.
    BecomeRoot,
    /// Change the host's name.
    Rename,
    /// Load a program into the kernel (bpf(2)).
    Bpf,
    /// Make a user namespace.
    UserNamespace,
    /// Start a process.
    Fork,
    /// Map memory that can be written and executed.
    MapCode,
    /// Push a character into a terminal (`TIOCSTI`).
    PushCharacter,
    /// Control what standard input is (ioctl(2)) by a request, with an argument of 0.
    Control(u32),
    /// Make a system call with arguments that are all 0.
    Call(i64),
    /// That on a thread that narrowed itself as a virtual processor's does.
    CallOnVcpuThread(i64),
    /// That as the supervisor's listener does.
    CallOnSupervisorThread(i64),
    /// How many environment variables there are.
    CountEnvironment,
    /// How many descriptors are open.
    CountDescriptors,
    /// How many can be opened until the limit is reached.
    OpenUntilRefused,
    /// How many threads can be started until the limit is reached.
    StartThreadsUntilRefused,
    /// To make a file in memory of this many bytes.
    MakeMemoryFile(i64),
    /// Who it is.
    User,
    /// Which process it is.
    Process,
    /// All capabilities that it has or could get.
    Capabilities,
    /// Send to these by the first network interface, past the guest: which of them answer, as bits.
    Reach(Vec<Target>),
    /// Send to this one until it answers.
    AwaitAnswer(Target),
    /// Nothing, until it is ended.
    Stay,
}

/// What came of it: a figure, or errno(3).
pub type Answer = Result<i64, i32>;

/// The whole plan; it travels as the kernel command line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntruderPlan {
    /// Parts to leave out.
    pub without: Vec<Without>,
    /// What to try, one after the other. Answers are lines in the serial log.
    pub attempts: Vec<Attempt>,
}

/// How something far away is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Transport {
    /// A connection.
    Tcp,
    /// A datagram.
    Udp,
}

/// Something far away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// How it is spoken to.
    pub transport: Transport,
    /// Where it is.
    pub address: SocketAddr,
}
