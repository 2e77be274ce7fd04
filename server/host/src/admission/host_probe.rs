//! Facts about this host's hardware and software, as `oriel-vmm probe` finds them.

use oriel_vmm_api::HostFacts;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::process::Command;
use tokio::sync::Mutex;

/// Age up to which facts are reused.
const FRESH: Duration = Duration::from_secs(600);
/// Time limit of a probe, which usually takes a second or two.
const LONGEST_PROBE: Duration = Duration::from_secs(20);

/// Cache of the host's facts, filled by the machine program `oriel-vmm`.
pub struct HostProbe {
    vmm: PathBuf,
    last: Mutex<Option<(Instant, HostFacts)>>,
}

impl HostProbe {
    /// Makes an empty cache for the given `oriel-vmm`.
    pub fn new(vmm: PathBuf) -> Self {
        Self { vmm, last: Mutex::new(None) }
    }

    /// Returns the path of `oriel-vmm`, which also runs desktops.
    pub fn vmm(&self) -> &Path {
        &self.vmm
    }

    /// Returns the host's facts, at most ten minutes old.
    ///
    /// # Errors
    /// One sentence: the program does not run or does not answer.
    pub async fn facts(&self) -> Result<HostFacts, String> {
        self.facts_since(FRESH).await
    }

    /// Returns the host's facts, at most five seconds old, for a decision that older facts would refuse.
    ///
    /// # Errors
    /// See [`HostProbe::facts`].
    pub async fn facts_now(&self) -> Result<HostFacts, String> {
        self.facts_since(Duration::from_secs(5)).await
    }

    /// Returns the cached facts if they are younger than `oldest`, and otherwise probes.
    async fn facts_since(&self, oldest: Duration) -> Result<HostFacts, String> {
        let mut last = self.last.lock().await;
        if let Some((when, facts)) = last.as_ref()
            && when.elapsed() < oldest
        {
            return Ok(facts.clone());
        }
        let facts = probe(&self.vmm).await?;
        *last = Some((Instant::now(), facts.clone()));
        Ok(facts)
    }
}

/// Runs `oriel-vmm probe` and parses its output.
async fn probe(vmm: &Path) -> Result<HostFacts, String> {
    let output = Command::new(vmm).arg("probe").kill_on_drop(true).output();
    let output = tokio::time::timeout(LONGEST_PROBE, output)
        .await
        .map_err(|_| format!("{} probe did not answer; check that /dev/kvm works.", vmm.display()))?
        .map_err(|error| {
            format!(
                "The machine program {} cannot be run ({error}); set `vmm` in the configuration.",
                vmm.display()
            )
        })?;
    serde_json::from_slice(&output.stdout).map_err(|error| {
        let complaint = String::from_utf8_lossy(&output.stderr);
        let complaint = complaint.lines().last().unwrap_or("nothing on standard error");
        format!("{} probe printed no valid facts ({error}; {complaint}).", vmm.display())
    })
}

/// Returns the memory in MiB that is available without swapping (`MemAvailable` of proc_meminfo(5)); `None`
/// if unknown.
pub fn available_memory_mib() -> Option<u64> {
    meminfo_mib(&std::fs::read_to_string("/proc/meminfo").ok()?, "MemAvailable:")
}

/// Returns a value of `/proc/meminfo` in MiB; `key` includes the colon.
pub(super) fn meminfo_mib(meminfo: &str, key: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix(key))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib / 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn available_memory_is_read_in_mib() {
        let text = "MemTotal:       24676352 kB\nMemFree:         1000 kB\nMemAvailable:    2097152 kB\n";
        assert_eq!(meminfo_mib(text, "MemAvailable:"), Some(2048));
        assert_eq!(meminfo_mib(text, "MemTotal:"), Some(24098));
        assert_eq!(meminfo_mib("MemTotal: 5 kB\n", "MemAvailable:"), None);
        assert!(available_memory_mib().is_some());
    }

    #[tokio::test]
    async fn a_missing_program_is_a_sentence() {
        let text = HostProbe::new("/nowhere/oriel-vmm".into()).facts().await.unwrap_err();
        assert!(text.contains("/nowhere/oriel-vmm") && text.contains("`vmm`"), "{text}");
    }
}
