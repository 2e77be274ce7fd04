//! Input from and output to the terminal.

use oriel_auth::Password;
use std::io::{self, BufRead, IsTerminal, Write};
use std::process::ExitCode;

/// Prints text as it is; a closed pipe is no failure.
pub(super) fn print(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Prints a line. Characters that control a terminal are replaced: names come from the database too.
pub(super) fn line(text: &str) {
    print(&format!("{}\n", visible(text)));
}

/// Replaces the characters of a text that control a terminal.
fn visible(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{FFFD}' } else { c }).collect()
}

/// Prints an error, and returns the exit code of a failure.
pub(super) fn fail(sentence: &str) -> ExitCode {
    warn(sentence);
    ExitCode::FAILURE
}

/// Prints a sentence to standard error.
pub(super) fn warn(sentence: &str) {
    let _ = writeln!(io::stderr().lock(), "oriel: {}", visible(sentence));
}

/// Prints the progress of an operation: one line that is overwritten on a terminal, separate lines elsewhere.
pub(super) fn progress(percent: u8, what: &str) {
    if io::stdout().is_terminal() {
        print(&format!("\r\x1b[K{percent:3} percent: {what}"));
        if percent == 100 {
            print("\n");
        }
    } else {
        line(&format!("{percent:3} percent: {what}"));
    }
}

/// Reads all of standard input as text.
///
/// # Errors
/// One sentence: the input cannot be read.
pub(super) fn input() -> Result<String, String> {
    io::read_to_string(io::stdin().lock()).map_err(|error| format!("Standard input cannot be read: {error}."))
}

/// Reads a new password: twice from the terminal, or once from standard input.
///
/// # Errors
/// One sentence: there is no terminal, the two passwords differ, or the input cannot be read.
pub(super) fn new_password(from_stdin: bool) -> Result<Password, String> {
    if from_stdin {
        let mut text = String::new();
        io::stdin()
            .lock()
            .read_line(&mut text)
            .map_err(|error| format!("No password could be read: {error}."))?;
        return Ok(Password::new(text.trim_end_matches(['\n', '\r']).to_owned()));
    }
    if !io::stdin().is_terminal() {
        return Err("There is no terminal to ask for a password; use --password-stdin or --generate.".into());
    }
    let ask = |question| {
        rpassword::prompt_password(question)
            .map(zeroize::Zeroizing::new)
            .map_err(|error| format!("No password could be read: {error}."))
    };
    let (one, two) = (ask("Password: ")?, ask("Once more: ")?);
    if one != two {
        return Err("The two passwords differ; try again.".into());
    }
    Ok(Password::new(one.to_string()))
}
