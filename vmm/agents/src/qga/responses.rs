//! Parser of the agent's responses: the used fields only, bounded in number and length.

use super::error::QgaError;
use oriel_vmm_api::{GuestFacts, GuestFileSystem, GuestInterface};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Maximum number of entries that are used of a list.
const MAX_ENTRIES: usize = 64;
/// Maximum number of characters that are used of a text.
const MAX_TEXT: usize = 255;

/// Removes control characters from `text`, and cuts it to [`MAX_TEXT`] characters.
pub(super) fn sanitize(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MAX_TEXT).collect()
}

/// Returns the number of file systems in a response of `guest-fsfreeze-freeze` or `guest-fsfreeze-thaw`.
pub(super) fn count(response: &Value) -> Result<u64, QgaError> {
    response.as_u64().ok_or(QgaError::InvalidResponse)
}

/// Whether the response of `guest-fsfreeze-status` is `frozen`.
pub(super) fn is_frozen(response: &Value) -> Result<bool, QgaError> {
    match response.as_str() {
        Some("frozen") => Ok(true),
        Some("thawed") => Ok(false),
        _ => Err(QgaError::InvalidResponse),
    }
}

/// Returns the agent's version and enabled commands from the response of `guest-info`.
pub(super) fn info(response: Value) -> Result<(String, Vec<String>), QgaError> {
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
    let info: Info = serde_json::from_value(response).map_err(|_| QgaError::InvalidResponse)?;
    let enabled = info.supported_commands.iter().filter(|command| command.enabled);
    // Current agents have about sixty commands.
    Ok((
        sanitize(&info.version),
        enabled.map(|command| sanitize(&command.name)).take(4 * MAX_ENTRIES).collect(),
    ))
}

/// Result of a command whose response is parsed here.
type CommandResult = Result<Value, QgaError>;

/// Returns the parsed response; `None` where the agent does not support the command or returned another type.
fn supported<T: DeserializeOwned>(result: &CommandResult) -> Result<Option<T>, QgaError> {
    match result {
        Ok(value) => Ok(T::deserialize(value).ok()),
        Err(QgaError::CommandFailed(_)) => Ok(None),
        Err(error) => Err(error.clone()),
    }
}

/// Fills in the operating system and kernel from the response of `guest-get-osinfo`.
pub(super) fn operating_system(result: &CommandResult, facts: &mut GuestFacts) -> Result<(), QgaError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "kebab-case")]
    struct System {
        pretty_name: Option<String>,
        kernel_release: Option<String>,
    }
    if let Some(system) = supported::<System>(result)? {
        facts.operating_system = system.pretty_name.as_deref().map(sanitize);
        facts.kernel = system.kernel_release.as_deref().map(sanitize);
    }
    Ok(())
}

/// Fills in the host name from the response of `guest-get-host-name`.
pub(super) fn host_name(result: &CommandResult, facts: &mut GuestFacts) -> Result<(), QgaError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "kebab-case")]
    struct HostName {
        host_name: String,
    }
    facts.host_name = supported::<HostName>(result)?.map(|response| sanitize(&response.host_name));
    Ok(())
}

/// Fills in the network interfaces from the response of `guest-network-get-interfaces`.
pub(super) fn interfaces(result: &CommandResult, facts: &mut GuestFacts) -> Result<(), QgaError> {
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
    let interfaces = supported::<Vec<Interface>>(result)?.unwrap_or_default();
    facts.interfaces = interfaces
        .iter()
        .take(MAX_ENTRIES)
        .map(|interface| GuestInterface {
            name: sanitize(&interface.name),
            mac: interface.hardware_address.as_deref().map(sanitize),
            addresses: interface
                .ip_addresses
                .iter()
                .take(MAX_ENTRIES)
                .map(|address| format!("{}/{}", sanitize(&address.ip_address), address.prefix))
                .collect(),
        })
        .collect();
    Ok(())
}

/// Fills in the file systems from the response of `guest-get-fsinfo`.
pub(super) fn file_systems(result: &CommandResult, facts: &mut GuestFacts) -> Result<(), QgaError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "kebab-case")]
    struct FileSystem {
        mountpoint: String,
        #[serde(rename = "type")]
        filesystem_type: String,
        used_bytes: Option<u64>,
        total_bytes: Option<u64>,
    }
    let systems = supported::<Vec<FileSystem>>(result)?.unwrap_or_default();
    facts.file_systems = systems
        .iter()
        .take(MAX_ENTRIES)
        .map(|system| GuestFileSystem {
            mountpoint: sanitize(&system.mountpoint),
            kind: sanitize(&system.filesystem_type),
            used_bytes: system.used_bytes,
            total_bytes: system.total_bytes,
        })
        .collect();
    Ok(())
}
