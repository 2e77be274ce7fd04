//! Conversion of Linux key codes to QEMU's key numbers.
//!
//! QEMU's numbers are scan code set 1 of PC keyboards, plus 0x80 for keys with the prefix 0xe0 ("QNum" of the
//! public keycode tables). Both numberings identify a position on the keyboard; the guest's keyboard layout
//! assigns the character.

/// Last code (KEY_KP1) of the range in which Linux uses the codes of set 1.
const SAME_UP_TO: u16 = 79;

/// QEMU's numbers of the keys from KEY_KP2 (80) to KEY_UWB (239); 0 where a key has none.
#[rustfmt::skip]
const NUMBERS: [u8; 160] = [
    0x50, 0x51, 0x52, 0x53, 0x00, 0x76, 0x56, 0x57, 0x58, 0x73, 0x78, 0x77, 0x79, 0x70, 0x7b, 0x5c, // 80
    0x9c, 0x9d, 0xb5, 0x54, 0xb8, 0x5b, 0xc7, 0xc8, 0xc9, 0xcb, 0xcd, 0xcf, 0xd0, 0xd1, 0xd2, 0xd3, // 96
    0xef, 0xa0, 0xae, 0xb0, 0xde, 0x59, 0xce, 0xc6, 0x8b, 0x7e, 0x72, 0x71, 0x7d, 0xdb, 0xdc, 0xdd, // 112
    0xe8, 0x85, 0x86, 0x87, 0x8c, 0xf8, 0x64, 0x65, 0xc1, 0xbc, 0xf5, 0x9e, 0xa1, 0x66, 0xdf, 0xe3, // 128
    0x67, 0x68, 0x69, 0x93, 0x9f, 0x97, 0x82, 0x6a, 0x92, 0x6b, 0xa6, 0xec, 0xe6, 0xeb, 0xea, 0xe9, // 144
    0xa3, 0x6c, 0xfd, 0x99, 0xa2, 0x90, 0xa4, 0xb1, 0x98, 0x63, 0x00, 0x81, 0xb2, 0xe7, 0x00, 0x00, // 160
    0x88, 0x75, 0x8f, 0xf6, 0xfb, 0x89, 0x8a, 0x5d, 0x5e, 0x5f, 0x55, 0x83, 0xf7, 0x84, 0x5a, 0x74, // 176
    0xf9, 0x6d, 0x6f, 0x00, 0x00, 0x00, 0x00, 0x00, 0xa8, 0xa9, 0xab, 0xac, 0xad, 0xa5, 0xaf, 0xb3, // 192
    0xb4, 0xb6, 0xb9, 0xba, 0xbb, 0xbd, 0xbe, 0xbf, 0xc0, 0xe5, 0xc2, 0xc3, 0xc4, 0xc5, 0x94, 0xca, // 208
    0xcc, 0xd4, 0xed, 0xd6, 0xd7, 0xd8, 0xd9, 0xda, 0xe4, 0x8e, 0xd5, 0xf0, 0xf1, 0xf2, 0xf3, 0xf4, // 224
];

/// Returns QEMU's number for the key with Linux code `code` (`KEY_*` of input-event-codes.h).
pub(super) fn qnum(code: u16) -> Option<u8> {
    match code {
        0 => None,
        1..=SAME_UP_TO => u8::try_from(code).ok(),
        _ => NUMBERS.get(usize::from(code - SAME_UP_TO - 1)).copied().filter(|&number| number != 0),
    }
}

#[cfg(test)]
mod tests {
    use super::qnum;
    use std::collections::HashSet;

    #[test]
    fn letters_digits_and_the_number_pad_are_where_they_were_in_1984() {
        for (code, number) in
            [(1, 0x01), (2, 0x02), (16, 0x10), (30, 0x1e), (57, 0x39), (69, 0x45), (83, 0x53)]
        {
            assert_eq!(qnum(code), Some(number), "KEY {code}");
        }
    }

    #[test]
    fn the_keys_that_go_wrong_elsewhere() {
        for (name, code, number) in [
            ("102ND", 86, 0x56),
            ("F11", 87, 0x57),
            ("F12", 88, 0x58),
            ("RO", 89, 0x73),
            ("KATAKANA", 90, 0x78),
            ("HIRAGANA", 91, 0x77),
            ("HENKAN", 92, 0x79),
            ("KATAKANAHIRAGANA", 93, 0x70),
            ("MUHENKAN", 94, 0x7b),
            ("KPENTER", 96, 0x9c),
            ("RIGHTCTRL", 97, 0x9d),
            ("KPSLASH", 98, 0xb5),
            ("SYSRQ", 99, 0x54),
            ("RIGHTALT", 100, 0xb8),
            ("HOME", 102, 0xc7),
            ("UP", 103, 0xc8),
            ("PAGEUP", 104, 0xc9),
            ("LEFT", 105, 0xcb),
            ("RIGHT", 106, 0xcd),
            ("END", 107, 0xcf),
            ("DOWN", 108, 0xd0),
            ("PAGEDOWN", 109, 0xd1),
            ("INSERT", 110, 0xd2),
            ("DELETE", 111, 0xd3),
            ("MUTE", 113, 0xa0),
            ("VOLUMEDOWN", 114, 0xae),
            ("VOLUMEUP", 115, 0xb0),
            ("KPEQUAL", 117, 0x59),
            ("PAUSE", 119, 0xc6),
            ("KPCOMMA", 121, 0x7e),
            ("HANGEUL", 122, 0x72),
            ("HANJA", 123, 0x71),
            ("YEN", 124, 0x7d),
            ("LEFTMETA", 125, 0xdb),
            ("RIGHTMETA", 126, 0xdc),
            ("COMPOSE", 127, 0xdd),
            ("MENU", 139, 0x9e),
            ("CALC", 140, 0xa1),
            ("BACK", 158, 0xea),
            ("FORWARD", 159, 0xe9),
            ("NEXTSONG", 163, 0x99),
            ("PLAYPAUSE", 164, 0xa2),
            ("PREVIOUSSONG", 165, 0x90),
            ("STOPCD", 166, 0xa4),
            ("F13", 183, 0x5d),
            ("F24", 194, 0x6f),
        ] {
            assert_eq!(qnum(code), Some(number), "KEY_{name}");
        }
    }

    #[test]
    fn no_two_keys_share_a_number_and_strange_codes_have_none() {
        let numbers: Vec<u8> = (0..=u16::MAX).filter_map(qnum).collect();
        assert_eq!(numbers.iter().collect::<HashSet<_>>().len(), numbers.len());
        for strange in [0, 84, 195, 240, 255, 0x110, u16::MAX] {
            assert_eq!(qnum(strange), None, "{strange}");
        }
    }
}
