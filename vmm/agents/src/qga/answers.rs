//! What is taken from the agent's answers: a few fields, bounded in number and in length.

use super::conversation::AgentError;
use oriel_vmm_api::{GuestFacts, GuestFileSystem, GuestInterface};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Entries taken from any list.
const MAX_ENTRIES: usize = 64;
/// Characters taken from any text.
const MAX_TEXT: usize = 255;

/// `text` without control characters and not too long.
pub(super) fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MAX_TEXT).collect()
}

/// The number of file systems that were frozen or thawed.
pub(super) fn count(answer: &Value) -> Result<u64, AgentError> {
    answer.as_u64().ok_or(AgentError::Garbage)
}

pub(super) fn is_frozen(answer: &Value) -> Result<bool, AgentError> {
    match answer.as_str() {
        Some("frozen") => Ok(true),
        Some("thawed") => Ok(false),
        _ => Err(AgentError::Garbage),
    }
}

/// The agent's version, and the commands that it would obey.
pub(super) fn info(answer: Value) -> Result<(String, Vec<String>), AgentError> {
    #[derive(Deserialize)]
    struct Info {
        version: String,
        supported_commands: Vec<Command>,
    }
    #[derive(Deserialize)]
    struct Command {
        name: String,
        enabled: bool,
    }
    let info: Info = serde_json::from_value(answer).map_err(|_| AgentError::Garbage)?;
    let enabled = info.supported_commands.iter().filter(|command| command.enabled);
    // Agents of today have some sixty commands.
    Ok((plain(&info.version), enabled.map(|command| plain(&command.name)).take(4 * MAX_ENTRIES).collect()))
}

type Asked = Result<Value, AgentError>;

/// The answer, or `None` where the agent does not know the command or answered something else.
fn known<T: DeserializeOwned>(asked: &Asked) -> Result<Option<T>, AgentError> {
    match asked {
        Ok(value) => Ok(T::deserialize(value).ok()),
        Err(AgentError::Refused(_)) => Ok(None),
        Err(error) => Err(error.clone()),
    }
}

pub(super) fn operating_system(asked: &Asked, facts: &mut GuestFacts) -> Result<(), AgentError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "kebab-case")]
    struct System {
        pretty_name: Option<String>,
        kernel_release: Option<String>,
    }
    if let Some(system) = known::<System>(asked)? {
        facts.operating_system = system.pretty_name.as_deref().map(plain);
        facts.kernel = system.kernel_release.as_deref().map(plain);
    }
    Ok(())
}

pub(super) fn host_name(asked: &Asked, facts: &mut GuestFacts) -> Result<(), AgentError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "kebab-case")]
    struct HostName {
        host_name: String,
    }
    facts.host_name = known::<HostName>(asked)?.map(|answer| plain(&answer.host_name));
    Ok(())
}

pub(super) fn interfaces(asked: &Asked, facts: &mut GuestFacts) -> Result<(), AgentError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "kebab-case")]
    struct Interface {
        name: String,
        hardware_address: Option<String>,
        #[serde(default)]
        ip_addresses: Vec<Address>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "kebab-case")]
    struct Address {
        ip_address: String,
        prefix: u8,
    }
    let interfaces = known::<Vec<Interface>>(asked)?.unwrap_or_default();
    facts.interfaces = interfaces
        .iter()
        .take(MAX_ENTRIES)
        .map(|interface| GuestInterface {
            name: plain(&interface.name),
            mac: interface.hardware_address.as_deref().map(plain),
            addresses: interface
                .ip_addresses
                .iter()
                .take(MAX_ENTRIES)
                .map(|address| format!("{}/{}", plain(&address.ip_address), address.prefix))
                .collect(),
        })
        .collect();
    Ok(())
}

pub(super) fn file_systems(asked: &Asked, facts: &mut GuestFacts) -> Result<(), AgentError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "kebab-case")]
    struct FileSystem {
        mountpoint: String,
        #[serde(rename = "type")]
        kind: String,
        used_bytes: Option<u64>,
        total_bytes: Option<u64>,
    }
    let systems = known::<Vec<FileSystem>>(asked)?.unwrap_or_default();
    facts.file_systems = systems
        .iter()
        .take(MAX_ENTRIES)
        .map(|system| GuestFileSystem {
            mountpoint: plain(&system.mountpoint),
            kind: plain(&system.kind),
            used_bytes: system.used_bytes,
            total_bytes: system.total_bytes,
        })
        .collect();
    Ok(())
}
