//! Key codes by name (`KEY_*` of Linux's input-event-codes.h) and by character on a US keyboard.

/// Runs of keys with consecutive codes: code of the first key, and names without `KEY_`.
const RUNS: [(u16, &str); 8] = [
    (1, "ESC 1 2 3 4 5 6 7 8 9 0 MINUS EQUAL BACKSPACE TAB Q W E R T Y U I O P LEFTBRACE RIGHTBRACE ENTER"),
    (29, "LEFTCTRL A S D F G H J K L SEMICOLON APOSTROPHE GRAVE LEFTSHIFT BACKSLASH Z X C V B N M COMMA"),
    (52, "DOT SLASH RIGHTSHIFT KPASTERISK LEFTALT SPACE CAPSLOCK F1 F2 F3 F4 F5 F6 F7 F8 F9 F10 NUMLOCK"),
    (70, "SCROLLLOCK KP7 KP8 KP9 KPMINUS KP4 KP5 KP6 KPPLUS KP1 KP2 KP3 KP0 KPDOT"),
    (86, "102ND F11 F12"),
    (96, "KPENTER RIGHTCTRL KPSLASH SYSRQ RIGHTALT"),
    (102, "HOME UP PAGEUP LEFT RIGHT END DOWN PAGEDOWN INSERT DELETE"),
    (125, "LEFTMETA RIGHTMETA COMPOSE"),
];

/// Rows of keys with consecutive codes: code of the first key, characters without shift, and characters with
/// shift. `\0` stands for no character.
const LETTERS: [(u16, &str, &str); 5] = [
    (2, "1234567890-=", "!@#$%^&*()_+"),
    (16, "qwertyuiop[]\n", "QWERTYUIOP{}\0"),
    (30, "asdfghjkl;'`", "ASDFGHJKL:\"~"),
    (43, "\\zxcvbnm,./", "|ZXCVBNM<>?"),
    (57, " ", "\0"),
];

/// Returns the code of a key, by its name (`KEY_A`) or its number in decimal; `None` for unknown names.
pub fn code_of(name: &str) -> Option<u16> {
    if let Ok(code) = name.parse() {
        return Some(code);
    }
    let name = name.strip_prefix("KEY_")?;
    RUNS.iter().find_map(|(first, names)| code_in_run(*first, names.split(' '), &name))
}

/// Returns the key code of a character and whether shift is pressed; `None` when no key has the character.
pub fn key_of(letter: char) -> Option<(u16, bool)> {
    if letter == '\0' {
        return None;
    }
    LETTERS.iter().find_map(|(first, plain, shifted)| {
        let plain = code_in_run(*first, plain.chars(), &letter).map(|code| (code, false));
        plain.or_else(|| code_in_run(*first, shifted.chars(), &letter).map(|code| (code, true)))
    })
}

/// Returns `first` plus the index of `one` in `all`.
fn code_in_run<T: PartialEq>(first: u16, mut all: impl Iterator<Item = T>, one: &T) -> Option<u16> {
    let at = all.position(|other| other == *one)?;
    u16::try_from(at).ok()?.checked_add(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_kernel() {
        let known = [
            ("KEY_ESC", 1),
            ("KEY_ENTER", 28),
            ("KEY_LEFTCTRL", 29),
            ("KEY_COMMA", 51),
            ("KEY_DOT", 52),
            ("KEY_SPACE", 57),
            ("KEY_NUMLOCK", 69),
            ("KEY_KPDOT", 83),
            ("KEY_F12", 88),
            ("KEY_RIGHTALT", 100),
            ("KEY_DELETE", 111),
            ("KEY_LEFTMETA", 125),
            ("103", 103),
        ];
        for (name, code) in known {
            assert_eq!(code_of(name), Some(code), "{name}");
        }
        assert_eq!(code_of("KEY_NONSENSE"), None);
        assert_eq!(code_of("A"), None);
    }

    #[test]
    fn letters_find_their_keys() {
        assert_eq!(key_of('a'), Some((30, false)));
        assert_eq!(key_of('?'), Some((53, true)));
        assert_eq!(key_of('\n'), Some((28, false)));
        assert_eq!(key_of('~'), Some((41, true)));
        assert_eq!(key_of('|'), Some((43, true)));
        assert_eq!(key_of(' '), Some((57, false)));
        assert_eq!(key_of('é'), None);
        assert_eq!(key_of('\0'), None);
    }
}
