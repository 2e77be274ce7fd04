//! Loading of the configuration, with errors that name the file, the line and the remedy.

use super::{Config, DEFAULT_PATH, DEFAULTS};
use std::path::{Path, PathBuf};

/// Error in the configuration. Each text is a sentence with the file, the line and the remedy.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("The configuration {path} cannot be read ({source}); check the path and its permissions.")]
    Unreadable {
        /// Path of the file that could not be read.
        path: PathBuf,
        /// Error of the operating system.
        source: std::io::Error,
    },
    /// The text is not a valid configuration.
    #[error("{file}, line {line}: {problem}")]
    Wrong {
        /// Path of the file with the error.
        file: String,
        /// Line of the error, counted from 1.
        line: usize,
        /// Description of the error in one sentence.
        problem: String,
    },
    /// Keys that are each valid contradict each other.
    #[error("{0}")]
    Contradiction(String),
}

/// Loads the configuration from the given file. For `None`, loads [`DEFAULT_PATH`] if it exists, and
/// otherwise returns the defaults.
///
/// # Errors
/// The file cannot be read, or its contents are not a valid configuration.
pub fn load(path: Option<&Path>) -> Result<Config, ConfigError> {
    let path = match path {
        Some(path) => path,
        None if Path::new(DEFAULT_PATH).exists() => Path::new(DEFAULT_PATH),
        None => return Ok(Config::default()),
    };
    let text = std::fs::read_to_string(path)
        .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
    from_text(&text, &path.display().to_string())
}

/// Parses a configuration from text; `file` is the name for errors.
///
/// # Errors
/// As for [`load`].
pub fn from_text(text: &str, file: &str) -> Result<Config, ConfigError> {
    let wrong = |span: Option<std::ops::Range<usize>>, problem: String| ConfigError::Wrong {
        file: file.to_owned(),
        line: span.map_or(1, |span| line_of(text, span.start)),
        problem,
    };
    if let Some((span, problem)) = unknown_key(text) {
        return Err(wrong(Some(span), problem));
    }
    let config: Config = toml::from_str(text)
        .map_err(|error| wrong(error.span(), format!("{}.", error.message().trim_end_matches('.'))))?;
    check(&config)?;
    Ok(config)
}

/// Checks that the keys do not contradict each other.
fn check(config: &Config) -> Result<(), ConfigError> {
    let contradiction = |text: String| Err(ConfigError::Contradiction(text));
    if let Some(address) = config.plain_loopback
        && !address.ip().is_loopback()
    {
        return contradiction(format!(
            "plain_loopback = \"{address}\" would show passwords to the network; use a loopback address such as \
             127.0.0.1:{}, or listen for TLS there instead.",
            address.port()
        ));
    }
    if config.tls.certificate.is_some() != config.tls.key.is_some() {
        return contradiction(
            "[tls] needs both certificate and key, or neither; add the missing one.".into(),
        );
    }
    if config.login.idle_minutes == 0 || config.login.longest_hours == 0 {
        return contradiction("[login] times must be at least 1, or nobody could stay logged in.".into());
    }
    if config.desktops.cpu_overcommit == 0 {
        return contradiction(
            "[desktops] cpu_overcommit must be at least 1, or no desktop could start.".into(),
        );
    }
    Ok(())
}

/// Returns the position of the first unknown key, with a sentence that names the nearest key; `None` for text
/// that is not TOML, which parsing reports.
fn unknown_key(text: &str) -> Option<(std::ops::Range<usize>, String)> {
    let given = toml::de::DeTable::parse(text).ok()?;
    let known = known_keys();
    let mut problems = Vec::new();
    for (key, value) in given.get_ref() {
        let name = key.get_ref().as_ref();
        let inside = |section: &Option<String>| section.as_deref() == Some(name);
        let is_section = known.iter().any(|(section, _)| inside(section));
        match value.get_ref().as_table() {
            Some(table) if is_section => {
                let place = format!(" in [{name}]");
                problems.extend(table.keys().filter_map(|key| {
                    check_key(&known, inside, key.get_ref(), &place).map(|problem| (key.span(), problem))
                }));
            }
            // A section that is no table is of the wrong type, and no unknown key.
            _ if is_section => {}
            _ => {
                let problem = check_key(&known, Option::is_none, name, "");
                problems.extend(problem.map(|problem| (key.span(), problem)));
            }
        }
    }
    problems.into_iter().min_by_key(|(span, _)| span.start)
}

/// Known key with its section; `None` for keys before the sections.
type Known = (Option<String>, String);

/// Returns a sentence for an unknown key of a section; `None` for a known key.
fn check_key(
    known: &[Known],
    belongs: impl Fn(&Option<String>) -> bool,
    name: &str,
    place: &str,
) -> Option<String> {
    let here = || known.iter().filter(|(section, _)| belongs(section));
    if here().any(|(_, key)| key == name) {
        return None;
    }
    // The nearest key here, or, when none is near, the same key in another section.
    let near = here()
        .map(|(_, key)| (strsim::damerau_levenshtein(key, name), key))
        .min()
        .filter(|(far, _)| *far <= 3);
    let elsewhere = known.iter().find(|(_, key)| key == name);
    Some(match (near, elsewhere) {
        (Some((_, key)), _) => format!("there is no key `{name}`{place}; did you mean `{key}`?"),
        (None, Some((Some(section), _))) => {
            format!("there is no key `{name}`{place}; it belongs into [{section}].")
        }
        (None, Some((None, _))) => {
            format!("there is no key `{name}`{place}; it belongs before the sections.")
        }
        (None, None) => format!("there is no key `{name}`{place}; `oriel config print` shows all keys."),
    })
}

/// Lists every key with its section. The keys are read from the defaults, where unset keys follow a `#`.
fn known_keys() -> Vec<Known> {
    let mut section = None;
    let mut keys = Vec::new();
    for line in DEFAULTS.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = Some(name.to_owned());
        } else if let Some((key, _)) = line.trim_start_matches("# ").split_once(" = ")
            && key.chars().all(|c| c.is_ascii_lowercase() || c == '_')
        {
            keys.push((section.clone(), key.to_owned()));
        }
    }
    keys
}

/// Returns the line of a byte offset, from 1.
fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> String {
        from_text(text, "oriel.toml").unwrap_err().to_string()
    }

    #[test]
    fn what_is_printed_is_the_default() {
        assert_eq!(from_text(DEFAULTS, "").unwrap(), Config::default());
        assert_eq!(from_text("", "").unwrap(), Config::default());
    }

    #[test]
    fn every_key_that_is_printed_behind_a_hash_can_be_set() {
        let set: String = DEFAULTS
            .lines()
            .map(|line| match line.strip_prefix("# ") {
                Some(rest) if rest.split_once(" = ").is_some_and(|(key, _)| !key.contains(' ')) => rest,
                _ => line,
            })
            .map(|line| format!("{line}\n"))
            .collect();
        let config = from_text(&set, "").unwrap();
        assert!(config.plain_loopback.is_some() && config.web_root.is_some() && config.vmm.is_some());
        assert!(config.desktops.host_reserve_mib.is_some() && config.desktops.host_reserve_cpus.is_some());
        assert!(config.metrics_token_file.is_some());
        assert!(config.recipes.is_some() && config.tls.certificate.is_some() && config.tls.key.is_some());
    }

    #[test]
    fn every_key_of_the_configuration_is_printed() {
        let full = Config {
            plain_loopback: Some("127.0.0.1:1".parse().unwrap()),
            web_root: Some("/".into()),
            vmm: Some("/".into()),
            recipes: Some("/".into()),
            metrics_token_file: Some("/".into()),
            tls: super::super::Tls { certificate: Some("/".into()), key: Some("/".into()) },
            desktops: super::super::Desktops {
                host_reserve_mib: Some(1),
                host_reserve_cpus: Some(1),
                ..super::super::Desktops::default()
            },
            ..Config::default()
        };
        let table = toml::Table::try_from(&full).unwrap();
        let mut keys = Vec::new();
        for (name, value) in table {
            match value {
                toml::Value::Table(inner) => {
                    keys.extend(inner.keys().map(|key| (Some(name.clone()), key.clone())));
                }
                _ => keys.push((None, name)),
            }
        }
        keys.sort();
        let mut printed = known_keys();
        printed.sort();
        assert_eq!(printed, keys);
    }

    #[test]
    fn typing_mistakes_are_named_with_line_and_nearest_key() {
        assert_eq!(
            problem("\n# hello\nlisten_ = \"127.0.0.1:1\"\n"),
            "oriel.toml, line 3: there is no key `listen_`; did you mean `listen`?"
        );
        assert_eq!(
            problem("[desktops]\nstop_grace = 1\nhost_resrve_mib = 5\n"),
            "oriel.toml, line 2: there is no key `stop_grace` in [desktops]; did you mean `stop_grace_s`?"
        );
        assert_eq!(
            problem("idle_minutes = 5"),
            "oriel.toml, line 1: there is no key `idle_minutes`; it belongs into [login]."
        );
        assert!(problem("[networking]\nx = 1").contains("no key `networking`"));
        assert!(problem("[log]\nlisten = 1").ends_with("it belongs before the sections."));
    }

    #[test]
    fn wrong_types_and_broken_text_are_named_with_their_line() {
        assert!(problem("\nlisten = 5").starts_with("oriel.toml, line 2: invalid type"));
        assert!(problem("\n\nlisten = \"nowhere\"").starts_with("oriel.toml, line 3: "));
        assert!(problem("login = 5").starts_with("oriel.toml, line 1: invalid type"));
        assert!(problem("listen = \n").starts_with("oriel.toml, line 1: "));
        assert!(problem("[log]\nlevel = \"loud\"").starts_with("oriel.toml, line 2: unknown variant"));
    }

    #[test]
    fn plain_http_is_for_loopback_only() {
        let text = problem("plain_loopback = \"0.0.0.0:8080\"");
        assert!(text.contains("would show passwords to the network"), "{text}");
    }

    #[test]
    fn what_is_no_network_is_no_proxy() {
        let config = from_text("trusted_proxies = [\"192.0.2.7\", \"2001:db8::/32\"]", "").unwrap();
        assert!(config.trusted_proxies.iter().any(|network| network.contains([192, 0, 2, 7].into())));
        assert!(from_text("trusted_proxies = []", "").unwrap().trusted_proxies.is_empty());
        let text = problem("\ntrusted_proxies = [\"192.0.2.7/24\"]");
        assert!(text.starts_with("oriel.toml, line 2: \"192.0.2.7/24\" is no address or network"), "{text}");
    }

    #[test]
    fn half_a_certificate_is_refused() {
        assert!(problem("[tls]\nkey = \"/k\"").contains("both certificate and key"));
    }
}
