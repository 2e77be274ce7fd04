//! Attempts, as directly as can be: what libraries do around a system call would hide its answer.

use oriel_jail::seccomp::{ThreadKind, apply_thread_filter};
use oriel_jail_tests::{Answer, Attempt};
use std::ffi::CString;
use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, TcpStream, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::path::Path;

/// Does it.
pub fn make(attempt: &Attempt) -> Answer {
    match attempt {
        Attempt::Open(path) => open(path, libc::O_RDONLY),
        Attempt::Create(path) => open(path, libc::O_CREAT | libc::O_WRONLY),
        Attempt::Signal(pid) => call(libc::SYS_kill, [i64::from(*pid), 0, 0]),
        Attempt::Trace(pid) => call(libc::SYS_ptrace, [libc::PTRACE_ATTACH.into(), i64::from(*pid), 0]),
        Attempt::ReadMemory(pid, address) => read_memory(*pid, *address),
        Attempt::ConnectTcp(port) => answer(TcpStream::connect((Ipv4Addr::LOCALHOST, *port))),
        Attempt::SendAway => answer(
            UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))
                .and_then(|socket| socket.send_to(b"hello", (Ipv4Addr::new(192, 0, 2, 1), 9))),
        ),
        Attempt::ConnectAbstract(name) => answer(
            SocketAddr::from_abstract_name(name).and_then(|address| UnixStream::connect_addr(&address)),
        ),
        Attempt::ConnectUnix(path) => answer(UnixStream::connect(path)),
        Attempt::CountInterfaces => count_interfaces(),
        Attempt::Mount => mount(),
        Attempt::BecomeRoot => call(libc::SYS_setresuid, [0, 0, 0]),
        Attempt::Rename => call(libc::SYS_sethostname, [c"intruded".as_ptr() as i64, 8, 0]),
        Attempt::Bpf => bpf(),
        Attempt::UserNamespace => call(libc::SYS_unshare, [libc::CLONE_NEWUSER.into(), 0, 0]),
        Attempt::Fork => call(libc::SYS_clone, [libc::SIGCHLD.into(), 0, 0]),
        Attempt::MapCode => map_code(),
        Attempt::PushCharacter => call(libc::SYS_ioctl, [0, libc::TIOCSTI as i64, c"x".as_ptr() as i64]),
        Attempt::Control(request) => call(libc::SYS_ioctl, [0, i64::from(*request), 0]),
        Attempt::Call(number) => call(*number, [0; 3]),
        Attempt::CallOnVcpuThread(number) => on_thread(ThreadKind::Vcpu, *number),
        Attempt::CallOnSupervisorThread(number) => on_thread(ThreadKind::Supervisor, *number),
        Attempt::CountEnvironment => Ok(std::env::vars_os().count() as i64),
        Attempt::CountDescriptors => Ok((0..4096).filter(|number| is_open(*number)).count() as i64),
        Attempt::OpenUntilRefused => open_until_refused(),
        Attempt::StartThreadsUntilRefused => Ok(start_threads_until_refused()),
        Attempt::MakeMemoryFile(bytes) => {
            let file = call(libc::SYS_memfd_create, [c"file".as_ptr() as i64, 0, 0])?;
            call(libc::SYS_ftruncate, [file, *bytes, 0])
        }
        Attempt::User => call(libc::SYS_getuid, [0; 3]),
        Attempt::Process => call(libc::SYS_getpid, [0; 3]),
        Attempt::Capabilities => capabilities(),
        Attempt::Reach(_) | Attempt::AwaitAnswer(_) => Err(libc::ENOSYS),
        Attempt::Stay => loop {
            std::thread::park();
        },
    }
}

fn answer<T>(result: io::Result<T>) -> Answer {
    result.map(|_| 0).map_err(|error| error.raw_os_error().unwrap_or(-1))
}

fn call(number: i64, arguments: [i64; 3]) -> Answer {
    let [one, two, three] = arguments;
    // SAFETY: those that are made are without effect on this process's memory, or fail; that they
    // end the process is what is tried.
    let result = unsafe { libc::syscall(number, one, two, three, 0i64, 0i64, 0i64) };
    if result < 0 { Err(io::Error::last_os_error().raw_os_error().unwrap_or(-1)) } else { Ok(result) }
}

fn open(path: &Path, flags: libc::c_int) -> Answer {
    let path = CString::new(path.as_os_str().as_bytes()).map_err(|_| libc::EINVAL)?;
    // SAFETY: the path outlives the call.
    let result = unsafe { libc::openat(libc::AT_FDCWD, path.as_ptr(), flags, 0o600) };
    if result < 0 { Err(io::Error::last_os_error().raw_os_error().unwrap_or(-1)) } else { Ok(0) }
}

fn read_memory(pid: i32, address: u64) -> Answer {
    let mut seen = [0u8; 8];
    let here = libc::iovec { iov_base: seen.as_mut_ptr().cast(), iov_len: seen.len() };
    let there = libc::iovec { iov_base: address as *mut libc::c_void, iov_len: seen.len() };
    // SAFETY: the kernel checks the other process's address, and writes into `seen` only.
    let result = unsafe { libc::process_vm_readv(pid, &raw const here, 1, &raw const there, 1, 0) };
    if result < 0 { Err(io::Error::last_os_error().raw_os_error().unwrap_or(-1)) } else { Ok(result as i64) }
}

fn count_interfaces() -> Answer {
    // SAFETY: returns a list that it allocates, or null.
    let list = unsafe { libc::if_nameindex() };
    if list.is_null() {
        return Err(io::Error::last_os_error().raw_os_error().unwrap_or(-1));
    }
    let mut count = 0;
    let mut entry = list;
    // SAFETY: the list ends with an entry whose index is 0, and is freed once.
    unsafe {
        while (*entry).if_index != 0 {
            if std::ffi::CStr::from_ptr((*entry).if_name) != c"lo" {
                count += 1;
            }
            entry = entry.add(1);
        }
        libc::if_freenameindex(list);
    }
    Ok(count)
}

fn mount() -> Answer {
    // SAFETY: strings that outlive the call.
    let result =
        unsafe { libc::mount(c"tmpfs".as_ptr(), c"/".as_ptr(), c"tmpfs".as_ptr(), 0, std::ptr::null()) };
    if result < 0 { Err(io::Error::last_os_error().raw_os_error().unwrap_or(-1)) } else { Ok(0) }
}

/// Makes a map of one entry (`BPF_MAP_CREATE` of `BPF_MAP_TYPE_HASH`), as every program needs.
fn bpf() -> Answer {
    let attributes: [u32; 16] = [1, 4, 4, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    call(libc::SYS_bpf, [0, attributes.as_ptr() as i64, size_of_val(&attributes) as i64])
}

fn map_code() -> Answer {
    let (access, kind) =
        (libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // SAFETY: maps new memory that nobody uses.
    let place = unsafe { libc::mmap(std::ptr::null_mut(), 4096, access, kind, -1, 0) };
    if place == libc::MAP_FAILED {
        Err(io::Error::last_os_error().raw_os_error().unwrap_or(-1))
    } else {
        Ok(0)
    }
}

fn on_thread(kind: ThreadKind, number: i64) -> Answer {
    let attempt = std::thread::spawn(move || {
        apply_thread_filter(kind);
        call(number, [-1, 0, 0])
    });
    attempt.join().unwrap_or(Err(-1))
}

fn is_open(number: i32) -> bool {
    // SAFETY: only asks.
    unsafe { libc::fcntl(number, libc::F_GETFD) >= 0 }
}

fn open_until_refused() -> Answer {
    let mut opened = Vec::new();
    while let Ok(copy) = io::stderr().try_clone_to_file() {
        opened.push(copy);
    }
    Ok(opened.len() as i64)
}

trait TryCloneToFile {
    fn try_clone_to_file(&self) -> io::Result<File>;
}

impl TryCloneToFile for io::Stderr {
    fn try_clone_to_file(&self) -> io::Result<File> {
        use std::os::fd::AsFd;
        self.as_fd().try_clone_to_owned().map(File::from)
    }
}

fn start_threads_until_refused() -> i64 {
    let mut count = 0;
    loop {
        let small = std::thread::Builder::new().stack_size(16 << 10);
        // They wait until the process ends.
        let started = small.spawn(|| {
            loop {
                std::thread::park();
            }
        });
        if started.is_err() || count > 100_000 {
            return count;
        }
        count += 1;
    }
}

fn capabilities() -> Answer {
    let sets = rustix::thread::capabilities(None).map_err(|error| error.raw_os_error())?;
    let has = sets.effective | sets.permitted | sets.inheritable;
    let could = (0..64).filter(|number| {
        let one = rustix::thread::CapabilitySet::from_bits_retain(1 << number);
        rustix::thread::capability_is_in_bounding_set(one).unwrap_or(false)
    });
    Ok(has.bits() as i64 | could.count() as i64)
}
