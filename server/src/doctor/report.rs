//! What was found.

use serde::Serialize;
use std::io::Write;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    /// The check found nothing wrong.
    Ok,
    /// Oriel works, and could work better.
    Warn,
    /// Oriel does not work like this.
    Fail,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    /// Name of the check.
    pub check: &'static str,
    /// Verdict of the check.
    pub verdict: Verdict,
    /// Finding and, where something is wrong, what to do.
    pub text: String,
}

/// All of them in order.
#[derive(Debug, Default, Serialize)]
pub(super) struct Report {
    findings: Vec<Finding>,
}

impl Report {
    pub(super) fn add(&mut self, check: &'static str, verdict: Verdict, text: impl Into<String>) {
        self.findings.push(Finding { check, verdict, text: text.into() });
    }

    /// A check that is well or fails with a sentence.
    pub(super) fn result(&mut self, check: &'static str, result: Result<String, String>) {
        match result {
            Ok(text) => self.add(check, Verdict::Ok, text),
            Err(text) => self.add(check, Verdict::Fail, text),
        }
    }

    pub(super) fn failed(&self) -> bool {
        self.findings.iter().any(|finding| finding.verdict == Verdict::Fail)
    }

    pub(super) fn print(&self, json: bool) {
        let mut out = std::io::stdout().lock();
        // A reader who has gone away is no failure.
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

    #[cfg(test)]
    pub(super) fn verdict_of(&self, check: &str) -> Option<Verdict> {
        self.findings.iter().find(|finding| finding.check == check).map(|finding| finding.verdict)
    }
}
