//! Report of the checks: findings with verdicts, as lines or JSON.

use serde::Serialize;
use std::io::Write;

/// Verdict of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    /// The check found nothing wrong.
    Ok,
    /// Oriel works, with a limitation.
    Warn,
    /// Oriel or its desktops do not work.
    Fail,
}

/// Result of a check.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    /// Name of the check.
    pub check: &'static str,
    /// Verdict of the check.
    pub verdict: Verdict,
    /// Description of what was found and, if something is wrong, of the remedy.
    pub text: String,
}

/// Findings of all checks in order.
#[derive(Debug, Default, Serialize)]
pub(super) struct Report {
    findings: Vec<Finding>,
}

impl Report {
    /// Adds a finding.
    pub(super) fn add(&mut self, check: &'static str, verdict: Verdict, text: impl Into<String>) {
        self.findings.push(Finding { check, verdict, text: text.into() });
    }

    /// Adds the finding of a check that succeeds or fails with a sentence.
    pub(super) fn result(&mut self, check: &'static str, result: Result<String, String>) {
        match result {
            Ok(text) => self.add(check, Verdict::Ok, text),
            Err(text) => self.add(check, Verdict::Fail, text),
        }
    }

    /// Returns whether a check failed.
    pub(super) fn failed(&self) -> bool {
        self.findings.iter().any(|finding| finding.verdict == Verdict::Fail)
    }

    /// Prints the report to standard output.
    pub(super) fn print(&self, json: bool) {
        let mut out = std::io::stdout().lock();
        // A closed pipe is no failure.
        let _ = if json {
            serde_json::to_writer_pretty(&mut out, self).map_err(Into::into).and_then(|()| writeln!(out))
        } else {
            self.findings.iter().try_for_each(|finding| {
                let verdict = match finding.verdict {
                    Verdict::Ok => "ok  ",
                    Verdict::Warn => "warn",
                    Verdict::Fail => "fail",
                };
                writeln!(out, "{verdict}  {:<12} {}", finding.check, finding.text)
            })
        };
    }

    /// Returns the verdict of the first finding of a check.
    #[cfg(test)]
    pub(super) fn verdict_of(&self, check: &str) -> Option<Verdict> {
        self.findings.iter().find(|finding| finding.check == check).map(|finding| finding.verdict)
    }
}
