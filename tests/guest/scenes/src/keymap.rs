//! Keys as text: evdev codes on a US keyboard.

/// What a key means to an input line.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// A character.
    Character(char),
    /// Erase the last character.
    Backspace,
    /// Erase the line.
    Enter,
    /// Shift, either one.
    Shift,
    /// Nothing here.
    Other,
}

/// Rows of the keyboard: the evdev code of the leftmost key, the characters plain
/// and shifted.
const ROWS: [(u16, &str, &str); 4] = [
    (2, "1234567890-=", "!@#$%^&*()_+"),
    (16, "qwertyuiop[]", "QWERTYUIOP{}"),
    (30, "asdfghjkl;'`", "ASDFGHJKL:\"~"),
    (43, "\\zxcvbnm,./", "|ZXCVBNM<>?"),
];

/// The meaning of a key.
pub fn meaning(code: u16, shift: bool) -> Meaning {
    match code {
        14 => Meaning::Backspace,
        28 | 96 => Meaning::Enter,
        42 | 54 => Meaning::Shift,
        57 => Meaning::Character(' '),
        _ => ROWS
            .iter()
            .find_map(|&(first, plain, shifted)| {
                let row = if shift { shifted } else { plain };
                row.chars().nth(usize::from(code.checked_sub(first)?))
            })
            .map_or(Meaning::Other, Meaning::Character),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_and_signs() {
        let plain = [(30, 'a'), (44, 'z'), (16, 'q'), (11, '0'), (53, '/'), (43, '\\'), (57, ' ')];
        for (code, character) in plain {
            assert!(meaning(code, false) == Meaning::Character(character), "{code}");
        }
        assert!(meaning(30, true) == Meaning::Character('A'));
        assert!(meaning(40, true) == Meaning::Character('"'));
        assert!(meaning(1, false) == Meaning::Other);
        assert!(meaning(0x110, false) == Meaning::Other);
    }
}
