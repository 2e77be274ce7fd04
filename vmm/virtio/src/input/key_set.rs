//! Set of pressed keys and buttons.

/// Number of key and button codes (`KEY_CNT`).
const CODES: u16 = 0x300;
const WORD: u16 = 64;

/// Set of `KEY_*` and `BTN_*` codes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeySet([u64; (CODES / WORD) as usize]);

impl KeySet {
    /// Adds or removes `code`; codes out of range are ignored.
    pub fn set(&mut self, code: u16, down: bool) {
        let bit = 1 << (code % WORD);
        if let Some(word) = self.0.get_mut(usize::from(code / WORD)) {
            *word = if down { *word | bit } else { *word & !bit };
        }
    }

    /// Whether `code` is pressed.
    pub fn contains(&self, code: u16) -> bool {
        self.0.get(usize::from(code / WORD)).is_some_and(|word| word & (1 << (code % WORD)) != 0)
    }

    /// Returns the first code that only one of the two sets contains.
    pub fn first_difference(&self, other: &Self) -> Option<u16> {
        (0..CODES).find(|code| self.contains(*code) != other.contains(*code))
    }
}
