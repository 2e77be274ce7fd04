//! Generation ID of a guest (Microsoft, "Virtual Machine Generation ID"): 128 random bits in guest memory.
//!
//! The ID changes with every restore and every clone, so that a guest renews random numbers and identities
//! that another guest has too. A reset keeps the ID. ACPI describes its address and its interrupt
//! ([`crate::acpi`]).

use crate::interrupts::InterruptManager;
use crate::layout;
use oriel_virtio::GuestRam;
use std::fmt;
use vm_memory::{Bytes, GuestAddress, GuestMemoryError};

/// Size of the ID in bytes.
const BYTES: usize = 16;

/// Error of a text that is not 32 hexadecimal digits; holds the text, cut to 33 characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the generation {0:?} is none; give 32 hexadecimal digits, or leave it out")]
pub struct InvalidVmGenId(String);

/// Generation ID in the byte order in which the guest reads it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct VmGenId([u8; BYTES]);

impl VmGenId {
    /// Creates a random ID.
    ///
    /// # Errors
    /// An error when the host's random number generator fails.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; BYTES];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// Parses 32 hexadecimal digits, two for each byte, in the order in which the guest reads the bytes.
    ///
    /// # Errors
    /// [`InvalidVmGenId`] when `text` is anything else.
    pub fn parse(text: &str) -> Result<Self, InvalidVmGenId> {
        let malformed = || InvalidVmGenId(text.chars().take(2 * BYTES + 1).collect());
        let digit = |digit: u8| char::from(digit).to_digit(16).ok_or_else(malformed);
        let (pairs, odd) = text.as_bytes().as_chunks::<2>();
        if pairs.len() != BYTES || !odd.is_empty() {
            return Err(malformed());
        }
        let mut bytes = [0; BYTES];
        for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
            *byte = (digit(*high)? << 4 | digit(*low)?) as u8;
        }
        Ok(Self(bytes))
    }

    /// Writes the ID to guest memory at [`layout::VMGENID`].
    ///
    /// # Errors
    /// An error when guest memory does not reach to that address.
    pub fn write(self, ram: &GuestRam) -> Result<(), GuestMemoryError> {
        ram.write_slice(&self.0, GuestAddress(layout::VMGENID))
    }

    /// Writes a new ID and notifies the guest by the interrupt [`layout::VMGENID_GSI`]. Must be called before
    /// a restored guest's processors run, so that they never use random numbers of the old ID.
    ///
    /// # Errors
    /// An error when guest memory does not reach to [`layout::VMGENID`].
    pub fn replace(self, ram: &GuestRam, interrupts: &dyn InterruptManager) -> Result<(), GuestMemoryError> {
        self.write(ram)?;
        interrupts.pulse(layout::VMGENID_GSI);
        Ok(())
    }
}

impl fmt::Debug for VmGenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{Backing, allocate};
    use crate::pci::MsiMessage;
    use parking_lot::Mutex;
    use vmm_sys_util::eventfd::EventFd;

    #[derive(Default)]
    struct Lines(Mutex<Vec<u32>>);

    impl InterruptManager for Lines {
        fn send(&self, _: MsiMessage) {}
        fn pulse(&self, gsi: u32) {
            self.0.lock().push(gsi);
        }
        fn attach_doorbell(&self, _: u64, _: &EventFd) {}
        fn detach_doorbell(&self, _: u64, _: &EventFd) {}
    }

    #[test]
    fn a_new_generation_is_there_before_the_guest_is_told() {
        let ram = allocate(64, Backing::default()).unwrap();
        let old = VmGenId::parse("000102030405060708090a0B0C0D0E0F").unwrap();
        let seen = || ram.read_obj::<[u8; 16]>(GuestAddress(layout::VMGENID)).unwrap();
        old.write(&ram).unwrap();
        assert_eq!(seen(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
        let lines = Lines::default();
        let new = VmGenId::random().unwrap();
        new.replace(&ram, &lines).unwrap();
        assert_eq!((seen(), lines.0.into_inner()), (new.0, vec![layout::VMGENID_GSI]));
        assert_ne!(old, new);
    }

    #[test]
    fn anything_but_32_digits_is_refused_by_name() {
        let long = "0".repeat(1000);
        for text in
            ["", "0123", "000102030405060708090a0b0c0d0e0g", "+00102030405060708090a0b0c0d0e0f", &long]
        {
            let told = VmGenId::parse(text).unwrap_err().to_string();
            assert!(told.contains("32 hexadecimal digits") && told.len() < 150, "{told}");
        }
    }
}
