//! File names that are valid in every guest: a single path component, derived from any name that a client
//! sends.

/// Largest length of a name in bytes, which ext4, NTFS and most other file systems support.
const MAX_NAME: usize = 255;
/// Largest length in bytes of an ending that is kept when a name is shortened, with the dot.
const MAX_ENDING: usize = 16;

/// Device names of Windows, reserved with any ending and in any case.
const RESERVED: [&str; 22] = [
    "CON", "PRN", "AUX", "NUL", "COM1", "COM2", "COM3", "COM4", "COM5", "COM6", "COM7", "COM8", "COM9",
    "LPT1", "LPT2", "LPT3", "LPT4", "LPT5", "LPT6", "LPT7", "LPT8", "LPT9",
];

/// Error of [`clean`] for a name of which no valid character is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("The file's name has no character that the desktop can use; rename the file and send it again.")]
pub struct Unnameable;

/// Converts a name to one that is valid in the guest: characters that some file system forbids become `_`,
/// and a long name is shortened before its ending.
///
/// # Errors
/// When no valid character is left.
pub fn clean(name: &str) -> Result<String, Unnameable> {
    let name: String = name.chars().filter(|c| !is_unseen(*c)).map(plain).collect();
    // Windows drops dots and spaces at the end; at the beginning a space is lost on the way.
    let name = name.trim_start().trim_end_matches(|c: char| c == '.' || c.is_whitespace());
    if name.chars().all(|c| c == '_' || c == '.' || c.is_whitespace()) {
        return Err(Unnameable);
    }
    let stem = name.split('.').next().unwrap_or(name).trim_end();
    let name = if RESERVED.iter().any(|reserved| reserved.eq_ignore_ascii_case(stem)) {
        format!("_{name}")
    } else {
        name.to_owned()
    };
    Ok(shorten(name))
}

/// Reports whether a character is a control character or changes the direction of writing, which shows
/// `txt.exe` as `exe.txt`.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
}

/// Replaces a character that some file system forbids by `_`.
fn plain(c: char) -> char {
    if matches!(c, '/' | '\\' | '<' | '>' | ':' | '"' | '|' | '?' | '*') { '_' } else { c }
}

/// Shortens a name to [`MAX_NAME`] bytes, keeping its ending.
fn shorten(name: String) -> String {
    if name.len() <= MAX_NAME {
        return name;
    }
    let at = name.rfind('.').filter(|at| name.len() - at <= MAX_ENDING && *at > 0);
    let (stem, ending) = name.split_at(at.unwrap_or(name.len()));
    let mut room = MAX_NAME - ending.len();
    while !stem.is_char_boundary(room) {
        room -= 1;
    }
    format!("{}{ending}", stem.get(..room).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_fit_for_every_guest() {
        for (given, expected) in [
            ("report.pdf", "report.pdf"),
            ("  Übung [2].txt. ", "Übung [2].txt"),
            ("../../etc/passwd", ".._.._etc_passwd"),
            ("C:\\windows\\x.exe", "C__windows_x.exe"),
            ("a\nsize=0\u{0}b", "asize=0b"),
            ("con", "_con"),
            ("Nul.txt", "_Nul.txt"),
            ("console.log", "console.log"),
            (".profile", ".profile"),
            ("exe\u{202E}txt.scr", "exetxt.scr"),
        ] {
            assert_eq!(clean(given).as_deref(), Ok(expected), "{given:?}");
        }
        for nothing in ["", ".", "..", "...", "/", "\u{7}", " . ", "\\.."] {
            assert_eq!(clean(nothing), Err(Unnameable), "{nothing:?}");
        }
    }

    #[test]
    fn long_names_keep_their_ending() {
        let long = clean(&format!("{}.tar", "ü".repeat(300))).unwrap();
        assert!(long.len() <= 255 && long.len() > 250 && long.ends_with("ü.tar"), "{long}");
        assert_eq!(clean(&"x".repeat(300)).unwrap().len(), 255);
        assert_eq!(clean(&format!("x.{}", "y".repeat(300))).unwrap().len(), 255);
    }
}
