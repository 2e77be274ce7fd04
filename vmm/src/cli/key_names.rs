//! Names of keys (`KEY_*` of Linux's input-event-codes.h) and the keys of letters on a US keyboard.

/// Runs of keys with consecutive codes: the first code and the names without `KEY_`.
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

/// Letters in the order of their keys, without and with shift: the first code, then both rows.
const LETTERS: [(u16, &str, &str); 5] = [
    (2, "1234567890-=", "!@#$%^&*()_+"),
    (16, "qwertyuiop[]\n", "QWERTYUIOP{}\0"),
    (30, "asdfghjkl;'`", "ASDFGHJKL:\"~"),
    (43, "\\zxcvbnm,./", "|ZXCVBNM<>?"),
    (57, " ", "\0"),
];

/// The code of `KEY_A`, or of its number.
pub fn code_of(name: &str) -> Option<u16> {
    if let Ok(code) = name.parse() {
        return Some(code);
    }
    let name = name.strip_prefix("KEY_")?;
    RUNS.iter().find_map(|(first, names)| place(*first, names.split(' '), &name))
}

/// The key of a letter and whether shift goes with it.
pub fn strokes(letter: char) -> Option<(u16, bool)> {
    if letter == '\0' {
        return None;
    }
    LETTERS.iter().find_map(|(first, plain, shifted)| {
        let plain = place(*first, plain.chars(), &letter).map(|code| (code, false));
        plain.or_else(|| place(*first, shifted.chars(), &letter).map(|code| (code, true)))
    })
}

fn place<T: PartialEq>(first: u16, mut all: impl Iterator<Item = T>, one: &T) -> Option<u16> {
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
        assert_eq!(strokes('a'), Some((30, false)));
        assert_eq!(strokes('?'), Some((53, true)));
        assert_eq!(strokes('\n'), Some((28, false)));
        assert_eq!(strokes('~'), Some((41, true)));
        assert_eq!(strokes('|'), Some((43, true)));
        assert_eq!(strokes(' '), Some((57, false)));
        assert_eq!(strokes('é'), None);
        assert_eq!(strokes('\0'), None);
    }
}
