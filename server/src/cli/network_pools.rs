//! Networks of pools as `oriel network apply` gets them from a process of the state folder's owner.

use crate::pools::{PoolName, Pools};
use oriel_host::network::{EgressRules, NetworkSetting};
use serde::{Deserialize, Serialize};
use sqlx::SqlitePool;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

/// Time limit of a process that reads or writes the database.
const PATIENCE: Duration = Duration::from_secs(60);
/// Maximum length of an answer in bytes: thousands of pools with all their rules.
const LONGEST_ANSWER: u64 = 16 << 20;

/// Network of a pool and its egress rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Text", into = "Text")]
pub(super) struct PoolNetwork {
    /// Name of the pool.
    pub name: PoolName,
    /// Network backend of the pool's desktops.
    pub network: NetworkSetting,
    /// Egress rules of the pool's desktops.
    pub egress: EgressRules,
}

/// [`PoolNetwork`] as text, before its parts are parsed.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    name: PoolName,
    network: String,
    egress: String,
}

impl TryFrom<Text> for PoolNetwork {
    type Error = String;

    fn try_from(text: Text) -> Result<Self, String> {
        Ok(Self { name: text.name, network: text.network.parse()?, egress: text.egress.parse()? })
    }
}

impl From<PoolNetwork> for Text {
    fn from(pool: PoolNetwork) -> Self {
        Self { name: pool.name, network: pool.network.to_string(), egress: pool.egress.to_string() }
    }
}

/// Reads the networks of all pools from a database.
///
/// # Errors
/// One sentence: the database failed, or has an invalid pool.
pub(super) async fn read_pools(db: &SqlitePool) -> Result<Vec<PoolNetwork>, String> {
    let pools = Pools::new(db.clone()).list().await.map_err(|error| error.to_string())?;
    let network = |(pool, _): (crate::pools::Pool, _)| PoolNetwork {
        name: pool.name,
        network: pool.settings.network,
        egress: pool.settings.egress,
    };
    Ok(pools.into_iter().map(network).collect())
}

/// Starter of this program's commands on the state folder. Each takes the identity of the folder's owner
/// before it opens anything there.
#[derive(Debug, Clone)]
pub(super) struct StateProcess {
    /// Configuration file; `None` takes the default one.
    pub config: Option<PathBuf>,
    /// State folder.
    pub state_dir: PathBuf,
}

impl StateProcess {
    /// Reads the networks of all pools. The answer is of the owner's making, so all of it is checked.
    ///
    /// # Errors
    /// One sentence: the process failed, or its answer is not valid.
    pub(super) async fn pools(&self) -> Result<Vec<PoolNetwork>, String> {
        parse(&self.run(&["network", "pools"], "").await?)
    }

    /// Runs a command with an input, and returns its output.
    ///
    /// # Errors
    /// The command's own sentence, or one that it cannot be run.
    pub(super) async fn run(&self, words: &[&str], input: &str) -> Result<Vec<u8>, String> {
        let failed = |error: std::io::Error| format!("The state folder cannot be read ({error}).");
        let mut command = Command::new("/proc/self/exe");
        if let Some(config) = &self.config {
            command.arg("--config").arg(config);
        }
        let mut child = command
            .arg("--state-dir")
            .arg(&self.state_dir)
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        if let Some(mut stdin) = child.stdin.take() {
            // A command that reads no input may have closed it.
            let _ = stdin.write_all(input.as_bytes()).await;
        }
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let all = async { tokio::join!(read(stdout), read(stderr), child.wait()) };
        let (answer, complaint, status) = tokio::time::timeout(PATIENCE, all)
            .await
            .map_err(|_| "The database did not answer within a minute; try again.".to_owned())?;
        if status.map_err(failed)?.success() {
            return Ok(answer);
        }
        let text = String::from_utf8_lossy(&complaint);
        let line =
            text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("The state folder cannot be read.");
        Err(line.strip_prefix("oriel: ").unwrap_or(line).to_owned())
    }
}

/// Parses the networks of pools.
///
/// # Errors
/// One sentence: a name, a network or a rule is not valid.
fn parse(answer: &[u8]) -> Result<Vec<PoolNetwork>, String> {
    serde_json::from_slice(answer)
        .map_err(|error| format!("The database has a pool that is not valid ({error}); nothing was applied."))
}

/// Reads an output up to [`LONGEST_ANSWER`] bytes.
async fn read(from: Option<impl tokio::io::AsyncRead + Unpin>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(from) = from {
        // A failed read shortens the answer; the exit status reports the failure.
        let _ = from.take(LONGEST_ANSWER).read_to_end(&mut bytes).await;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_read_again() {
        let pool = PoolNetwork {
            name: "office".parse().unwrap(),
            network: "tap:desk*".parse().unwrap(),
            egress: "host/udp/53 any/tcp/443".parse().unwrap(),
        };
        let text = serde_json::to_vec(&[&pool]).unwrap();
        assert_eq!(parse(&text).unwrap(), [pool]);
    }

    #[test]
    fn nothing_that_could_reach_nft_as_a_command_is_accepted() {
        for (name, network, egress) in [
            ("x\"; flush ruleset #", "tap:desk0", "any"),
            ("office", "tap:desk0\"; flush ruleset", "any"),
            ("office", "tap:desk0", "any accept; flush ruleset"),
        ] {
            let text =
                serde_json::json!([{ "name": name, "network": network, "egress": egress }]).to_string();
            assert!(parse(text.as_bytes()).unwrap_err().contains("nothing was applied"), "{text}");
        }
        assert!(parse(b"").is_err() && parse(b"[{}]").is_err());
    }
}
