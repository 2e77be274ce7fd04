//! Identity and capabilities of each input device (VIRTIO 1.2, section 5.8.5).

use super::event::{
    ABS_X, ABS_Y, BTN_EXTRA, BTN_LEFT, BTN_MIDDLE, BTN_RIGHT, BTN_SIDE, EV_ABS, EV_KEY, EV_LED, EV_REL,
    EV_REP, LAST_KEY, LED_COUNT, REL_HWHEEL, REL_HWHEEL_HI_RES, REL_WHEEL, REL_WHEEL_HI_RES, REL_X, REL_Y,
};

/// Size of `struct virtio_input_config` in bytes.
pub const CONFIG_LEN: usize = HEAD_LEN + 128;
/// Size in bytes of the part before the union that `select` and `subsel` choose.
const HEAD_LEN: usize = 8;

const CFG_ID_NAME: u8 = 0x01;
const CFG_ID_DEVIDS: u8 = 0x03;
const CFG_EV_BITS: u8 = 0x11;
const CFG_ABS_INFO: u8 = 0x12;

/// Bus type BUS_VIRTUAL of Linux's input.h.
const BUS_VIRTUAL: u16 = 0x06;
const VENDOR: u16 = 0x4F52;
const VERSION: u16 = 1;

/// Maximum position on the tablet's axes; the minimum is 0.
pub const ABS_MAX: u32 = 32767;

/// Codes of the pointers' buttons.
const BUTTONS: [u16; 5] = [BTN_LEFT, BTN_RIGHT, BTN_MIDDLE, BTN_SIDE, BTN_EXTRA];
/// Codes of the pointers' wheels.
const WHEELS: [u16; 4] = [REL_WHEEL, REL_HWHEEL, REL_WHEEL_HI_RES, REL_HWHEEL_HI_RES];

/// Type of input device, which determines identity and capabilities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Keyboard with LEDs.
    Keyboard,
    /// Pointer with absolute positions, buttons and wheels.
    Tablet,
    /// Pointer with relative motion, buttons and wheels.
    Mouse,
}

impl Profile {
    /// Returns the short name for logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Keyboard => "keyboard",
            Self::Tablet => "tablet",
            Self::Mouse => "mouse",
        }
    }

    /// Returns the PCI class code of an input controller: keyboard, other or mouse.
    pub fn pci_class(self) -> u32 {
        match self {
            Self::Keyboard => 0x09_00_00,
            Self::Tablet => 0x09_80_00,
            Self::Mouse => 0x09_02_00,
        }
    }

    /// Returns the configuration space for the driver's `select` and `subsel`.
    pub fn config(self, select: u8, subsel: u8) -> [u8; CONFIG_LEN] {
        let selected = self.selected(select, subsel);
        let mut config = [0; CONFIG_LEN];
        let head = [select, subsel, selected.len() as u8];
        for (to, from) in config.iter_mut().zip(head) {
            *to = from;
        }
        for (to, from) in config.iter_mut().skip(HEAD_LEN).zip(selected) {
            *to = from;
        }
        config
    }

    /// Returns the chosen part of the configuration space; empty for capabilities that the device lacks.
    fn selected(self, select: u8, subsel: u8) -> Vec<u8> {
        match (select, subsel) {
            (CFG_ID_NAME, 0) => self.device_name().into(),
            (CFG_ID_DEVIDS, 0) => {
                let ids = [BUS_VIRTUAL, VENDOR, self.product(), VERSION];
                ids.map(u16::to_le_bytes).concat()
            }
            (CFG_EV_BITS, _) => bitmap(&self.codes(subsel.into())),
            (CFG_ABS_INFO, axis) if self == Self::Tablet && [ABS_X, ABS_Y].contains(&axis.into()) => {
                // Minimum, maximum, fuzz, flat, resolution.
                [0, ABS_MAX, 0, 0, 0].map(u32::to_le_bytes).concat()
            }
            _ => Vec::new(),
        }
    }

    /// Returns the name that the guest shows.
    fn device_name(self) -> &'static str {
        match self {
            Self::Keyboard => "Oriel Keyboard",
            Self::Tablet => "Oriel Tablet",
            Self::Mouse => "Oriel Mouse",
        }
    }

    /// Returns the product number in the device's identity.
    fn product(self) -> u16 {
        match self {
            Self::Keyboard => 1,
            Self::Tablet => 2,
            Self::Mouse => 3,
        }
    }

    /// Returns the event codes of type `kind` that the device sends or takes. EV_REP makes the guest repeat
    /// keys.
    fn codes(self, kind: u16) -> Vec<u16> {
        match (self, kind) {
            (Self::Keyboard, EV_KEY) => (1..=LAST_KEY).collect(),
            (Self::Keyboard, EV_LED) => (0..LED_COUNT).collect(),
            (Self::Keyboard, EV_REP) => vec![0, 1],
            (Self::Tablet | Self::Mouse, EV_KEY) => BUTTONS.into(),
            (Self::Tablet, EV_ABS) => vec![ABS_X, ABS_Y],
            (Self::Tablet, EV_REL) => WHEELS.into(),
            (Self::Mouse, EV_REL) => [[REL_X, REL_Y].as_slice(), &WHEELS].concat(),
            _ => Vec::new(),
        }
    }
}

/// Returns a bitmap with a bit for each code, without trailing zero bytes.
fn bitmap(codes: &[u16]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for code in codes {
        let at = usize::from(code / 8);
        if bytes.len() <= at {
            bytes.resize(at + 1, 0);
        }
        if let Some(byte) = bytes.get_mut(at) {
            *byte |= 1 << (code % 8);
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Size and content as a driver reads them.
    fn read_selected(profile: Profile, select: u8, subsel: u8) -> Vec<u8> {
        let config = profile.config(select, subsel);
        assert_eq!(config[..2], [select, subsel]);
        config[8..8 + usize::from(config[2])].to_vec()
    }

    fn codes(profile: Profile, kind: u16) -> Vec<usize> {
        let bits = read_selected(profile, CFG_EV_BITS, kind as u8);
        (0..bits.len() * 8).filter(|code| bits[code / 8] & (1 << (code % 8)) != 0).collect()
    }

    #[test]
    fn keyboard_has_keys_leds_and_repeat() {
        assert_eq!(read_selected(Profile::Keyboard, CFG_ID_NAME, 0), b"Oriel Keyboard");
        assert_eq!(codes(Profile::Keyboard, EV_KEY), (1..=248).collect::<Vec<_>>());
        assert_eq!(codes(Profile::Keyboard, EV_LED), [0, 1, 2]);
        assert!(!read_selected(Profile::Keyboard, CFG_EV_BITS, EV_REP as u8).is_empty());
        assert!(codes(Profile::Keyboard, EV_ABS).is_empty());
        assert!(read_selected(Profile::Keyboard, CFG_ABS_INFO, 0).is_empty());
    }

    #[test]
    fn tablet_is_absolute_and_mouse_relative() {
        assert_eq!(codes(Profile::Tablet, EV_ABS), [0, 1]);
        assert_eq!(codes(Profile::Tablet, EV_REL), [6, 8, 11, 12]);
        assert_eq!(codes(Profile::Tablet, EV_KEY), [0x110, 0x111, 0x112, 0x113, 0x114]);
        let x = read_selected(Profile::Tablet, CFG_ABS_INFO, 0);
        assert_eq!((x.len(), &x[4..8]), (20, &[0xFF, 0x7F, 0, 0][..]));
        assert_eq!(read_selected(Profile::Tablet, CFG_ABS_INFO, 1), x);
        assert!(read_selected(Profile::Tablet, CFG_ABS_INFO, 2).is_empty());
        assert_eq!(codes(Profile::Mouse, EV_REL), [0, 1, 6, 8, 11, 12]);
        assert!(codes(Profile::Mouse, EV_ABS).is_empty());
        assert_eq!(read_selected(Profile::Mouse, CFG_ID_DEVIDS, 0), [6, 0, 0x52, 0x4F, 3, 0, 1, 0]);
    }

    #[test]
    fn every_selection_fits() {
        for profile in [Profile::Keyboard, Profile::Tablet, Profile::Mouse] {
            for select in 0..=255 {
                for subsel in 0..=255 {
                    assert!(usize::from(profile.config(select, subsel)[2]) <= CONFIG_LEN - HEAD_LEN);
                }
            }
        }
    }
}
