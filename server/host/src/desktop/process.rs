//! Process of a machine: started so that it outlives the host, and found again by a file lock.
//!
//! The host takes the lock on `alive.lock` in the desktop's folder and passes the open file to the process.
//! The kernel holds the lock while the process or a child of it lives. So the question whether a root disk is
//! in use has an answer that survives a restart of the server and the reuse of process numbers.

use crate::folder::{DesktopDir, LockError, lock_within};
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, Command};

/// Time after which a held lock counts as held by a machine, and not by a process between fork and exec.
const LOCK_PATIENCE: Duration = Duration::from_millis(50);

/// Starts `oriel-vmm run` for a desktop as the leader of a new session. `entrance` is the `cgroup.procs` of
/// the control group in which the process starts.
///
/// The process keeps its log itself. Its standard error, a pipe, has only what it says before the log is
/// open; see [`EarlyOutput`](super::early_output::EarlyOutput).
///
/// # Errors
/// `WouldBlock` if an earlier process of the desktop still lives, or the error of the lock or the program.
pub(super) async fn spawn(vmm: &Path, dir: &DesktopDir, entrance: Option<File>) -> io::Result<Child> {
    let lock = match lock_surely(dir).await {
        Ok(lock) => lock,
        Err(LockError::Held) => return Err(io::ErrorKind::WouldBlock.into()),
        Err(LockError::Io(error)) => return Err(error),
    };
    let mut command = Command::new(vmm);
    command
        .arg("run")
        .arg("--config")
        .arg(dir.machine_config())
        .arg("--log")
        .arg(dir.vmm_log())
        .current_dir(dir.root())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    detach(&mut command, lock, entrance);
    command.spawn()
}

/// Sets up the child between fork and exec: enters the control group, starts a session, and keeps the file
/// `kept` open.
fn detach(command: &mut Command, kept: File, entrance: Option<File>) {
    let prepare = move || {
        if let Some(entrance) = &entrance {
            // "0" names the writing process, so the new program never runs outside the group.
            rustix::io::write(entrance, b"0")?;
        }
        rustix::process::setsid()?;
        rustix::io::fcntl_setfd(kept.as_fd(), rustix::io::FdFlags::empty())?;
        Ok(())
    };
    // SAFETY: the closure runs between fork and exec, where only async-signal-safe calls are
    // allowed; it makes three plain system calls, and allocates and locks nothing.
    unsafe { command.pre_exec(prepare) };
}

/// Returns whether the desktop's machine, or a process that the machine started, lives.
pub(crate) async fn is_alive(dir: &DesktopDir) -> bool {
    matches!(lock_surely(dir).await, Err(LockError::Held))
}

/// Takes the desktop's `alive.lock`, with patience for processes between fork and exec.
async fn lock_surely(dir: &DesktopDir) -> Result<File, LockError> {
    lock_within(&dir.alive_lock(), LOCK_PATIENCE).await
}

/// Kills all processes of the process group that `pid` leads. The caller must have checked [`is_alive`]:
/// while a process of the group lives, the kernel does not reuse the group's number.
pub(super) fn kill_group(pid: u32) {
    let group = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    if let Some(group) = group
        && let Err(error) = rustix::process::kill_process_group(group, rustix::process::Signal::KILL)
    {
        tracing::warn!(pid, %error, "a machine's process could not be killed");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::HostDir;
    use crate::hold::DesktopId;
    use std::os::unix::fs::PermissionsExt;

    fn desktop_with_program(script: &str) -> (tempfile::TempDir, DesktopDir, std::path::PathBuf) {
        let root = tempfile::tempdir().unwrap();
        let dir = HostDir::open(root.path()).unwrap().desktop(&DesktopId::new("d1").unwrap());
        dir.make().unwrap();
        let program = root.path().join("vmm");
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        (root, dir, program)
    }

    #[tokio::test]
    async fn a_desktop_is_alive_while_any_of_its_processes_is() {
        let (_root, dir, program) = desktop_with_program("sleep 60 & echo $* > told; exit 0");
        assert!(!is_alive(&dir).await);
        let mut child = spawn(&program, &dir, None).await.unwrap();
        let pid = child.id().unwrap();
        child.wait().await.unwrap();
        assert!(is_alive(&dir).await, "the child of the child holds the lock");
        assert_eq!(spawn(&program, &dir, None).await.unwrap_err().kind(), io::ErrorKind::WouldBlock);
        kill_group(pid);
        for _ in 0..500 {
            if !is_alive(&dir).await {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(!is_alive(&dir).await);
        let told = std::fs::read_to_string(dir.root().join("told")).unwrap();
        let (config, log) = (dir.machine_config(), dir.vmm_log());
        assert_eq!(told, format!("run --config {} --log {}\n", config.display(), log.display()));
    }

    #[tokio::test]
    async fn what_a_machine_prints_does_not_fill_the_disk() {
        let flood = "head -c 16777216 /dev/zero; head -c 16777216 /dev/zero >&2";
        let (_root, dir, program) = desktop_with_program(flood);
        let child = spawn(&program, &dir, None).await.unwrap();
        assert!(child.wait_with_output().await.unwrap().status.success());
        let sizes =
            std::fs::read_dir(dir.root()).unwrap().map(|file| file.unwrap().metadata().unwrap().len());
        assert!(sizes.sum::<u64>() < 4 << 20);
    }
}
