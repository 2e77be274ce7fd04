//! Text to fill pages with: sentences of ordinary words, chosen by a fixed seed.

use alloc::string::String;
use alloc::vec::Vec;

use crate::noise::hash;

const WORDS: [&str; 64] = [
    "the", "a", "of", "and", "to", "in", "is", "that", "it", "for", "on", "with", "as", "are", "by", "from",
    "desktop", "window", "report", "budget", "meeting", "number", "letter", "table", "figure", "project",
    "server", "picture", "quarter", "customer", "delivery", "contract", "this", "each", "every", "one",
    "two", "between", "before", "after", "under", "over", "again", "slowly", "quickly", "often", "never",
    "always", "opens", "moves", "shows", "writes", "reads", "keeps", "sends", "finds", "new", "old", "large",
    "small", "clear", "quiet", "early", "late",
];

const TITLES: [&str; 6] = [
    "Minutes of the weekly meeting",
    "Delivery dates and open questions",
    "Budget for the second quarter",
    "Notes for the next release",
    "Letters that wait for an answer",
    "Figures by region and by month",
];

/// A heading.
pub fn title(index: usize) -> &'static str {
    TITLES[index % TITLES.len()]
}

/// Lines of at most `columns` characters, broken between words. They depend on
/// `seed` alone, and are never empty.
pub fn lines(seed: u32, columns: usize, count: usize) -> Vec<String> {
    let mut words = Words { seed, drawn: 0, left_in_sentence: 0 };
    let mut next = words.next();
    let mut lines = Vec::with_capacity(count);
    for _ in 0..count {
        let mut line = String::with_capacity(columns);
        while line.is_empty() || line.len() + 1 + next.len() <= columns {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(&next);
            next = words.next();
        }
        lines.push(line);
    }
    lines
}

struct Words {
    seed: u32,
    drawn: u32,
    left_in_sentence: u32,
}

impl Words {
    fn draw(&mut self) -> u32 {
        self.drawn += 1;
        hash(self.drawn, 0, self.seed)
    }

    fn next(&mut self) -> String {
        let first = self.left_in_sentence == 0;
        if first {
            self.left_in_sentence = 6 + self.draw() % 10;
        }
        self.left_in_sentence -= 1;
        let mut word = String::with_capacity(12);
        word.push_str(WORDS[(self.draw() >> 8) as usize % WORDS.len()]);
        if first && let Some(letter) = word.get_mut(..1) {
            letter.make_ascii_uppercase();
        }
        if self.left_in_sentence == 0 {
            word.push('.');
        } else if self.draw().is_multiple_of(9) {
            word.push(',');
        }
        word
    }
}
