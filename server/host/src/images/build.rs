//! Build of an image by a recipe: a script `build.sh` that reports its progress in lines on standard output.

use std::path::Path;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::Command;

/// Maximum number of bytes that are read from the script's standard error.
const LONGEST_COMPLAINT: u64 = 64 * 1024;

/// Progress line of a recipe: `progress PERCENT WHAT`.
#[derive(Debug, PartialEq, Eq)]
pub struct BuildLine<'a> {
    /// Progress in percent, 0 to 100.
    pub percent: u8,
    /// Description of the current step.
    pub what: &'a str,
}

/// Parses a line of a recipe's output; `None` for a line that reports no progress.
pub fn parse_build_line(line: &str) -> Option<BuildLine<'_>> {
    let (percent, what) = line.strip_prefix("progress ")?.split_once(' ')?;
    let percent = percent.parse().ok().filter(|percent| *percent <= 100)?;
    Some(BuildLine { percent, what: what.trim() })
}

/// Runs `RECIPE/build.sh --out OUT` with absolute paths, and passes its progress lines to `progress`. The script must leave a
/// complete image in OUT or nothing.
///
/// # Errors
/// The last line of the script's standard error, or one sentence if the script cannot be run.
pub async fn build(recipe: &Path, out: &Path, mut progress: impl FnMut(BuildLine<'_>)) -> Result<(), String> {
    let script = recipe.join("build.sh");
    let mut child = Command::new(&script)
        .arg("--out")
        .arg(out)
        // The caller's may be a folder that only root may enter.
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("The recipe {} cannot be run: {error}.", script.display()))?;
    let stdout = child.stdout.take();
    let stderr = child.stderr.take();
    let follow = async {
        let Some(stdout) = stdout else { return };
        let mut lines = BufReader::new(stdout).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            if let Some(line) = parse_build_line(&line) {
                progress(line);
            }
        }
    };
    let complain = async {
        let mut text = Vec::new();
        if let Some(stderr) = stderr {
            // A failed read shortens the text; the exit status reports the failure.
            let _ = stderr.take(LONGEST_COMPLAINT).read_to_end(&mut text).await;
        }
        String::from_utf8_lossy(&text).into_owned()
    };
    let ((), complaint, status) = tokio::join!(follow, complain, child.wait());
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(match complaint.lines().rfind(|line| !line.trim().is_empty()) {
            Some(sentence) => sentence.to_owned(),
            None => format!("The recipe {} failed ({status}) and did not say why.", script.display()),
        }),
        Err(error) => {
            Err(format!("The end of the recipe {} could not be awaited: {error}.", script.display()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn recipe(script: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("build.sh");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        dir
    }

    #[test]
    fn progress_lines_are_read_and_others_are_not() {
        assert_eq!(
            parse_build_line("progress 40 installing packages (3 of 9)"),
            Some(BuildLine { percent: 40, what: "installing packages (3 of 9)" })
        );
        for line in ["", "progress", "progress x y", "progress 101 y", "progress -1 y", "Progress 1 y"] {
            assert_eq!(parse_build_line(line), None, "{line}");
        }
    }

    #[tokio::test]
    async fn a_recipe_is_followed_to_its_end() {
        let dir = recipe("echo progress 50 half; echo noise; echo progress 100 \"$2\"");
        let mut heard = Vec::new();
        build(dir.path(), Path::new("/out"), |line| heard.push(format!("{} {}", line.percent, line.what)))
            .await
            .unwrap();
        assert_eq!(heard, ["50 half", "100 /out"]);
    }

    #[tokio::test]
    async fn a_failing_recipe_speaks_for_itself() {
        let dir = recipe("echo first >&2; echo 'Install mmdebstrap.' >&2; exit 3");
        assert_eq!(build(dir.path(), Path::new("/out"), |_| {}).await.unwrap_err(), "Install mmdebstrap.");
        let dir = recipe("exit 3");
        assert!(build(dir.path(), Path::new("/out"), |_| {}).await.unwrap_err().contains("did not say why"));
    }
}
