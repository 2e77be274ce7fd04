//! MSI-X table and pending bit array of a function (PCI Local Bus 3.0, section 6.8.2). Methods return the
//! messages to send; the caller sends them through its interrupt manager.

/// Size of one MSI-X table entry in bytes.
pub const MSIX_TABLE_ENTRY_SIZE: u64 = 16;

/// MSI-X Enable in Message Control.
const MSIX_ENABLE_BIT: u16 = 1 << 15;
/// Function Mask in Message Control.
const FUNCTION_MASK_BIT: u16 = 1 << 14;
/// Mask Bit in Vector Control of an entry.
const VECTOR_CONTROL_MASK_BIT: u32 = 1;

/// Message of a message signalled interrupt: a memory write that the interrupt controller turns into an
/// interrupt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MsiMessage {
    /// Address of the write; on x86 it selects the destination local APIC.
    pub address: u64,
    /// Value of the write; on x86 it contains vector and delivery mode.
    pub data: u32,
}

/// MSI-X table entry with its bit of the pending bit array.
#[derive(Clone, Copy)]
struct TableEntry {
    /// Message Address, Message Upper Address, Message Data and Vector Control.
    dwords: [u32; 4],
    pending: bool,
}

impl Default for TableEntry {
    fn default() -> Self {
        Self { dwords: [0, 0, 0, VECTOR_CONTROL_MASK_BIT], pending: false }
    }
}

impl TableEntry {
    fn message(&self) -> MsiMessage {
        let [low, high, data, _] = self.dwords;
        MsiMessage { address: u64::from(high) << 32 | u64::from(low), data }
    }

    fn masked(&self) -> bool {
        self.dwords[3] & VECTOR_CONTROL_MASK_BIT != 0
    }
}

/// MSI-X state of one function: table, pending bits and the two control bits of Message Control.
pub struct Msix {
    entries: Vec<TableEntry>,
    enabled: bool,
    function_mask: bool,
}

impl Msix {
    /// Creates a table of `vectors` masked entries, with MSI-X disabled.
    pub fn new(vectors: u16) -> Self {
        Self {
            entries: vec![TableEntry::default(); usize::from(vectors)],
            enabled: false,
            function_mask: false,
        }
    }

    /// Restores the state of [`Self::new`].
    pub fn reset(&mut self) {
        self.entries.fill(TableEntry::default());
        self.enabled = false;
        self.function_mask = false;
    }

    /// Returns the number of vectors, i.e. entries of the table.
    pub fn vector_count(&self) -> u16 {
        u16::try_from(self.entries.len()).unwrap_or(u16::MAX)
    }

    /// Triggers `vector` and returns the message to send. `None` if the vector is masked, which sets its
    /// pending bit, if MSI-X is disabled, or if the table does not contain the vector.
    pub fn trigger(&mut self, vector: u16) -> Option<MsiMessage> {
        let function_unmasked = !self.function_mask;
        let entry = self.entries.get_mut(usize::from(vector)).filter(|_| self.enabled)?;
        if function_unmasked && !entry.masked() {
            return Some(entry.message());
        }
        entry.pending = true;
        None
    }

    /// Applies a write of the Message Control register and returns the messages of pending vectors that
    /// became unmasked. Disabling MSI-X clears the pending bits.
    pub fn set_message_control(&mut self, control: u16) -> Vec<MsiMessage> {
        self.enabled = control & MSIX_ENABLE_BIT != 0;
        self.function_mask = control & FUNCTION_MASK_BIT != 0;
        if !self.enabled {
            self.entries.iter_mut().for_each(|entry| entry.pending = false);
        }
        self.take_pending_messages()
    }

    /// Reads the table from byte `offset`; bytes behind the end become zero.
    pub fn read_table(&self, offset: u64, data: &mut [u8]) {
        for (at, byte) in (offset..).zip(data) {
            *byte = self
                .entries
                .get(entry_index(at))
                .and_then(|entry| {
                    let within = (at % MSIX_TABLE_ENTRY_SIZE) as usize;
                    entry.dwords.get(within / 4)?.to_le_bytes().get(within % 4).copied()
                })
                .unwrap_or(0);
        }
    }

    /// Writes aligned dwords of the table from byte `offset` and returns the messages of pending vectors
    /// that became unmasked. Unaligned or shorter writes, undefined by the specification, are ignored.
    pub fn write_table(&mut self, offset: u64, data: &[u8]) -> Vec<MsiMessage> {
        if !offset.is_multiple_of(4) {
            return Vec::new();
        }
        for (at, bytes) in (offset..).step_by(4).zip(data.chunks_exact(4)) {
            let within = (at % MSIX_TABLE_ENTRY_SIZE) as usize / 4;
            let value = bytes.try_into().map_or(0, u32::from_le_bytes);
            if let Some(dword) =
                self.entries.get_mut(entry_index(at)).and_then(|entry| entry.dwords.get_mut(within))
            {
                *dword = value;
            }
        }
        self.take_pending_messages()
    }

    /// Reads the pending bit array from byte `offset`: bit n of byte k belongs to vector 8k + n.
    pub fn read_pba(&self, offset: u64, data: &mut [u8]) {
        for (at, byte) in (offset..).zip(data) {
            let first = usize::try_from(at).unwrap_or(usize::MAX).saturating_mul(8);
            let pending = self.entries.iter().skip(first).take(8);
            *byte = pending.enumerate().fold(0, |bits, (bit, entry)| bits | u8::from(entry.pending) << bit);
        }
    }

    /// Clears the pending bits of unmasked vectors and returns their messages.
    fn take_pending_messages(&mut self) -> Vec<MsiMessage> {
        if !self.enabled || self.function_mask {
            return Vec::new();
        }
        let ready = self.entries.iter_mut().filter(|entry| entry.pending && !entry.masked());
        ready
            .map(|entry| {
                entry.pending = false;
                entry.message()
            })
            .collect()
    }
}

/// Returns the index of the entry that contains byte `offset` of the table.
fn entry_index(offset: u64) -> usize {
    usize::try_from(offset / MSIX_TABLE_ENTRY_SIZE).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: MsiMessage = MsiMessage { address: 0xFEE0_1000, data: 0x4021 };

    fn program(msix: &mut Msix, vector: u64, mask: u32) -> Vec<MsiMessage> {
        let mut entry = MESSAGE.address.to_le_bytes().to_vec();
        entry.extend(MESSAGE.data.to_le_bytes());
        entry.extend(mask.to_le_bytes());
        msix.write_table(vector * MSIX_TABLE_ENTRY_SIZE, &entry)
    }

    #[test]
    fn an_unmasked_vector_is_sent_at_once() {
        let mut msix = Msix::new(3);
        assert_eq!(msix.trigger(1), None, "disabled");
        msix.set_message_control(MSIX_ENABLE_BIT);
        assert_eq!(program(&mut msix, 1, 0), [], "nothing was pending while MSI-X was off");
        assert_eq!(msix.trigger(1), Some(MESSAGE));
        assert_eq!(msix.trigger(3), None, "no such vector");
        assert_eq!(msix.trigger(0xFFFF), None);
    }

    #[test]
    fn a_masked_vector_is_pending_until_unmasked() {
        let mut msix = Msix::new(10);
        msix.set_message_control(MSIX_ENABLE_BIT);
        program(&mut msix, 9, 1);
        assert_eq!(msix.trigger(9), None);
        let mut bits = [0; 8];
        msix.read_pba(0, &mut bits);
        assert_eq!(bits, [0, 2, 0, 0, 0, 0, 0, 0]);
        assert_eq!(msix.write_table(9 * 16 + 12, &[0; 4]), [MESSAGE]);
        msix.read_pba(0, &mut bits);
        assert_eq!(bits, [0; 8]);
    }

    #[test]
    fn the_function_mask_masks_all_vectors() {
        let mut msix = Msix::new(2);
        msix.set_message_control(MSIX_ENABLE_BIT | FUNCTION_MASK_BIT);
        program(&mut msix, 0, 0);
        assert_eq!(msix.trigger(0), None);
        assert_eq!(msix.set_message_control(MSIX_ENABLE_BIT), [MESSAGE]);
        assert_eq!(msix.set_message_control(MSIX_ENABLE_BIT), []);
    }

    #[test]
    fn unaligned_and_out_of_range_accesses_are_ignored() {
        let mut msix = Msix::new(1);
        let mut data = [0xAA; 8];
        msix.read_table(12, &mut data);
        assert_eq!(data, [1, 0, 0, 0, 0, 0, 0, 0]);
        msix.write_table(2, &[0xFF; 4]);
        msix.write_table(u64::MAX - 3, &[0xFF; 4]);
        msix.read_pba(u64::MAX, &mut data[..1]);
        msix.read_table(0, &mut data);
        assert_eq!(data, [0; 8]);
    }
}
