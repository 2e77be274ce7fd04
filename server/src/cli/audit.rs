//! `oriel audit`: lists, exports and verifies the audit log; and the entries of commands on the command line.

use super::console;
use crate::config::Config;
use crate::rfc3339;
use crate::state::{StateDir, open_database};
use clap::{Args, Subcommand};
use oriel_auth::audit::{AuditFilter, AuditLine, Entry};
use oriel_auth::{AuditLog, unix_now};
use oriel_vmm_api::sentence;
use serde_json::json;
use sqlx::SqlitePool;
use std::path::Path;
use std::str::FromStr;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, OffsetDateTime};

/// Action that happens also if it cannot be recorded.
pub(super) const SIGN_OUT: &str = "user.sign-out";

#[derive(Subcommand)]
pub(super) enum AuditCommand {
    /// List lines of the audit log
    List {
        #[command(flatten)]
        filter: FilterOptions,
    },
    /// Print lines of the audit log as JSON objects, one on each line
    Export {
        #[command(flatten)]
        filter: FilterOptions,
    },
    /// Check that no line was changed, inserted or removed; the exit status is 1 if one was
    Verify,
}

/// Options that choose lines of the audit log.
#[derive(Args)]
pub(super) struct FilterOptions {
    /// Earliest time: a date, a time as 2026-12-01T08:00:00Z, or how long ago, as 30m, 12h or 7d
    #[arg(long, value_name = "TIME")]
    since: Option<Since>,
    /// What this user did, or what was done to the user
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// The action, or the beginning of several: desktop.start, or desktop
    #[arg(long)]
    action: Option<String>,
}

/// Earliest time in milliseconds since 1970 UTC.
#[derive(Clone, Copy)]
struct Since(i64);

impl FromStr for Since {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let ago = |unit: char, seconds: i64| {
            let number: i64 = text.strip_suffix(unit)?.parse().ok()?;
            Some(unix_now().saturating_sub(number.checked_mul(seconds)?))
        };
        let date = || {
            let date = Date::parse(text, format_description!("[year]-[month]-[day]")).ok()?;
            Some(date.midnight().assume_utc().unix_timestamp())
        };
        let time = || Some(OffsetDateTime::parse(text, &Rfc3339).ok()?.unix_timestamp());
        let since = ago('m', 60).or_else(|| ago('h', 3600)).or_else(|| ago('d', 24 * 3600));
        let since = since.or_else(date).or_else(time);
        since
            .map(|seconds| Self(seconds.saturating_mul(1000)))
            .ok_or_else(|| format!("{text} is no date, no time and no duration as 12h"))
    }
}

impl FilterOptions {
    fn filter(self) -> AuditFilter {
        AuditFilter {
            since_ms: self.since.map(|since| since.0),
            user: self.user.map(|name| name.to_lowercase()),
            action: self.action,
        }
    }
}

/// Runs an audit command.
///
/// # Errors
/// One sentence that says what to do; also for a log that does not verify.
pub(super) async fn run(command: AuditCommand, config: &Config) -> Result<(), String> {
    let state = StateDir::open(&config.state_dir)?;
    let db = open_database(&state).await?;
    let log = log_of(&db).await?;
    match command {
        AuditCommand::List { filter } => print(&log, &filter.filter(), plain_line).await?,
        AuditCommand::Export { filter } => print(&log, &filter.filter(), json_line).await?,
        AuditCommand::Verify => match log.verify().await.map_err(sentence)? {
            Ok(verified) => {
                console::line(&format!(
                    "The audit log is whole: {} lines, the newest is line {}.",
                    verified.lines, verified.newest
                ));
                if verified.unkeyed > 0 {
                    console::line(&format!(
                        "The first {} of them are from a version of Oriel that used no key.",
                        verified.unkeyed
                    ));
                }
            }
            Err(broken) => return Err(format!("The audit log is not whole: {broken}.")),
        },
    }
    db.close().await;
    Ok(())
}

/// Prints the lines that pass a filter.
async fn print(
    log: &AuditLog,
    filter: &AuditFilter,
    text: impl Fn(&AuditLine) -> String,
) -> Result<(), String> {
    let mut after = 0;
    loop {
        let lines = log.lines(after, filter).await.map_err(sentence)?;
        let Some(last) = lines.last() else { return Ok(()) };
        after = last.seq;
        lines.iter().for_each(|line| console::line(&text(line)));
    }
}

/// Formats a line for people. Control characters, which a file's name may have, are escaped.
fn plain_line(line: &AuditLine) -> String {
    let AuditLine { seq, actor, action, subject, address, detail, .. } = line;
    let fields = [&*rfc3339::of_milliseconds(line.at_ms), actor, action, subject, address, detail];
    let fields: Vec<_> = fields.into_iter().filter(|field| !field.is_empty()).collect();
    let plain = fields.join("  ");
    let escape = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    format!("{seq}  {}", plain.chars().map(escape).collect::<String>())
}

/// Formats a line as a JSON object.
fn json_line(line: &AuditLine) -> String {
    json!({
        "seq": line.seq,
        "at": rfc3339::of_milliseconds(line.at_ms),
        "actor": line.actor,
        "action": line.action,
        "subject": line.subject,
        "address": line.address,
        "detail": line.detail,
    })
    .to_string()
}

/// Records an action of the command line in the audit log.
pub(super) async fn record(db: &SqlitePool, action: &str, subject: &str, detail: &str) -> Result<(), String> {
    let log = log_of(db).await?;
    log.record(entry(action, subject, detail)).await.map(drop).map_err(sentence)
}

/// Records the intent of an action of the command line, executes the action, and records its outcome. What
/// cannot be recorded is refused, except [`SIGN_OUT`].
pub(super) async fn perform<T>(
    db: &SqlitePool,
    action: &str,
    subject: &str,
    detail: &str,
    work: impl Future<Output = Result<T, String>>,
) -> Result<T, String> {
    let log = log_of(db).await?;
    let intent = if detail.is_empty() { "begun".to_owned() } else { format!("begun: {detail}") };
    let line = match log.record(entry(action, subject, &intent)).await {
        Ok(line) => line,
        // Ending sessions must work on a full disk too.
        Err(error) if action == SIGN_OUT => {
            console::warn(&format!("This could not be recorded: {error}."));
            return work.await;
        }
        Err(error) => return Err(sentence(error)),
    };
    let outcome = work.await;
    let detail = match &outcome {
        Ok(_) => format!("ok (line {line})"),
        Err(error) => format!("failed: {error} (line {line})"),
    };
    log.record(entry(action, subject, &detail)).await.map_err(sentence)?;
    outcome
}

/// Returns the entry of an action of the command line.
fn entry<'a>(action: &'a str, subject: &'a str, detail: &'a str) -> Entry<'a> {
    Entry { actor: "console", action, subject, detail, ..Entry::default() }
}

/// Opens the audit log of a state folder's database; its other files are in the same folder.
async fn log_of(db: &SqlitePool) -> Result<AuditLog, String> {
    let options = db.connect_options();
    let folder = options.get_filename().parent().unwrap_or(Path::new("."));
    AuditLog::open(db.clone(), folder).await.map_err(sentence)
}
