//! Name of a pool, which is checked wherever it comes from: an administrator, the database, another process.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Rule that a pool's name keeps, as a sentence.
pub(super) const NAME_RULE: &str =
    "A pool's name has 1 to 32 lower-case letters, digits and dashes and begins with a letter.";

/// Name of a pool: 1 to 32 lower-case letters, digits and dashes, a letter first. It needs no quotes anywhere.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PoolName(String);

impl PoolName {
    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PoolName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let valid = (1..=32).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.chars().all(plain);
        if valid { Ok(Self(text.to_owned())) } else { Err(NAME_RULE.to_owned()) }
    }
}

impl TryFrom<String> for PoolName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<PoolName> for String {
    fn from(name: PoolName) -> Self {
        name.0
    }
}

impl fmt::Display for PoolName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_nothing_that_needs_quotes() {
        for name in ["a", "office-2", &"a".repeat(32)] {
            assert_eq!(name.parse::<PoolName>().unwrap().as_str(), name);
        }
        for name in ["", "2", "-a", "A", "a b", "a\"", "a\n", "a;b", "ä", "../a", &"a".repeat(33)] {
            assert!(name.parse::<PoolName>().is_err(), "{name}");
            assert!(serde_json::from_value::<PoolName>(name.into()).is_err(), "{name}");
        }
    }
}
