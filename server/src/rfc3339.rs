//! Times as text (RFC 3339), in the API and on the command line.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Formats a time in seconds since 1970 UTC; empty for a time that no year with four digits has.
pub(crate) fn of_seconds(unix: i64) -> String {
    format(OffsetDateTime::from_unix_timestamp(unix).ok())
}

/// Formats a time in milliseconds since 1970 UTC, with the fraction of a second; empty as for seconds.
pub(crate) fn of_milliseconds(unix_ms: i64) -> String {
    format(OffsetDateTime::from_unix_timestamp_nanos(i128::from(unix_ms) * 1_000_000).ok())
}

fn format(time: Option<OffsetDateTime>) -> String {
    time.and_then(|time| time.format(&Rfc3339).ok()).unwrap_or_default()
}
