//! The MSI-X table and its pending bits (PCI Local Bus 3.0, section 6.8.2).

/// Bytes of one table entry.
pub const MSIX_ENTRY_SIZE: u64 = 16;

const CONTROL_ENABLE: u16 = 1 << 15;
const CONTROL_FUNCTION_MASK: u16 = 1 << 14;
const VECTOR_MASKED: u32 = 1;

/// A memory write that interrupts a processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MsiMessage {
    /// Where.
    pub address: u64,
    /// What.
    pub data: u32,
}

#[derive(Clone, Copy)]
struct Entry {
    /// Address low, address high, data, vector control.
    words: [u32; 4],
    pending: bool,
}

impl Default for Entry {
    fn default() -> Self {
        Self { words: [0, 0, 0, VECTOR_MASKED], pending: false }
    }
}

impl Entry {
    fn message(&self) -> MsiMessage {
        let [low, high, data, _] = self.words;
        MsiMessage { address: u64::from(high) << 32 | u64::from(low), data }
    }

    fn masked(&self) -> bool {
        self.words[3] & VECTOR_MASKED != 0
    }
}

/// All vectors of one function.
pub struct Msix {
    entries: Vec<Entry>,
    enabled: bool,
    function_masked: bool,
}

impl Msix {
    /// `vectors` masked vectors, MSI-X disabled.
    pub fn new(vectors: u16) -> Self {
        Self { entries: vec![Entry::default(); usize::from(vectors)], enabled: false, function_masked: false }
    }

    /// Back to how it came out of [`Self::new`].
    pub fn reset(&mut self) {
        self.entries.fill(Entry::default());
        self.enabled = false;
        self.function_masked = false;
    }

    /// How many vectors there are.
    pub fn vectors(&self) -> u16 {
        u16::try_from(self.entries.len()).unwrap_or(u16::MAX)
    }

    /// Interrupts by `vector`: the message to send now, or `None` while it is masked (then it is
    /// pending) or MSI-X is off.
    pub fn trigger(&mut self, vector: u16) -> Option<MsiMessage> {
        let may_send = !self.function_masked;
        let entry = self.entries.get_mut(usize::from(vector)).filter(|_| self.enabled)?;
        if may_send && !entry.masked() {
            return Some(entry.message());
        }
        entry.pending = true;
        None
    }

    /// The message control register changed; returns what was pending and may go out now.
    pub fn set_control(&mut self, control: u16) -> Vec<MsiMessage> {
        self.enabled = control & CONTROL_ENABLE != 0;
        self.function_masked = control & CONTROL_FUNCTION_MASK != 0;
        if !self.enabled {
            self.entries.iter_mut().for_each(|entry| entry.pending = false);
        }
        self.release()
    }

    /// Reads the table.
    pub fn read_table(&self, offset: u64, data: &mut [u8]) {
        for (at, byte) in (offset..).zip(data) {
            *byte = self
                .entries
                .get(index_of(at))
                .and_then(|entry| {
                    let within = (at % MSIX_ENTRY_SIZE) as usize;
                    entry.words.get(within / 4)?.to_le_bytes().get(within % 4).copied()
                })
                .unwrap_or(0);
        }
    }

    /// Writes the table in whole aligned words, as the specification demands; returns what was
    /// pending on a vector that this unmasked.
    pub fn write_table(&mut self, offset: u64, data: &[u8]) -> Vec<MsiMessage> {
        if !offset.is_multiple_of(4) {
            return Vec::new();
        }
        for (at, word) in (offset..).step_by(4).zip(data.chunks_exact(4)) {
            let within = (at % MSIX_ENTRY_SIZE) as usize / 4;
            let value = word.try_into().map_or(0, u32::from_le_bytes);
            if let Some(slot) =
                self.entries.get_mut(index_of(at)).and_then(|entry| entry.words.get_mut(within))
            {
                *slot = value;
            }
        }
        self.release()
    }

    /// Reads the pending bit array.
    pub fn read_pending(&self, offset: u64, data: &mut [u8]) {
        for (at, byte) in (offset..).zip(data) {
            let first = usize::try_from(at).unwrap_or(usize::MAX).saturating_mul(8);
            let pending = self.entries.iter().skip(first).take(8);
            *byte = pending.enumerate().fold(0, |bits, (bit, entry)| bits | u8::from(entry.pending) << bit);
        }
    }

    fn release(&mut self) -> Vec<MsiMessage> {
        if !self.enabled || self.function_masked {
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

fn index_of(offset: u64) -> usize {
    usize::try_from(offset / MSIX_ENTRY_SIZE).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: MsiMessage = MsiMessage { address: 0xFEE0_1000, data: 0x4021 };

    fn program(msix: &mut Msix, vector: u64, mask: u32) -> Vec<MsiMessage> {
        let mut entry = MESSAGE.address.to_le_bytes().to_vec();
        entry.extend(MESSAGE.data.to_le_bytes());
        entry.extend(mask.to_le_bytes());
        msix.write_table(vector * MSIX_ENTRY_SIZE, &entry)
    }

    #[test]
    fn an_open_vector_sends_at_once() {
        let mut msix = Msix::new(3);
        assert_eq!(msix.trigger(1), None, "disabled");
        msix.set_control(CONTROL_ENABLE);
        assert_eq!(program(&mut msix, 1, 0), [], "nothing was pending while MSI-X was off");
        assert_eq!(msix.trigger(1), Some(MESSAGE));
        assert_eq!(msix.trigger(3), None, "no such vector");
        assert_eq!(msix.trigger(0xFFFF), None);
    }

    #[test]
    fn a_masked_vector_is_pending_until_unmasked() {
        let mut msix = Msix::new(10);
        msix.set_control(CONTROL_ENABLE);
        program(&mut msix, 9, 1);
        assert_eq!(msix.trigger(9), None);
        let mut bits = [0; 8];
        msix.read_pending(0, &mut bits);
        assert_eq!(bits, [0, 2, 0, 0, 0, 0, 0, 0]);
        assert_eq!(msix.write_table(9 * 16 + 12, &[0; 4]), [MESSAGE]);
        msix.read_pending(0, &mut bits);
        assert_eq!(bits, [0; 8]);
    }

    #[test]
    fn the_function_mask_holds_everything_back() {
        let mut msix = Msix::new(2);
        msix.set_control(CONTROL_ENABLE | CONTROL_FUNCTION_MASK);
        program(&mut msix, 0, 0);
        assert_eq!(msix.trigger(0), None);
        assert_eq!(msix.set_control(CONTROL_ENABLE), [MESSAGE]);
        assert_eq!(msix.set_control(CONTROL_ENABLE), []);
    }

    #[test]
    fn odd_accesses_do_no_harm() {
        let mut msix = Msix::new(1);
        let mut data = [0xAA; 8];
        msix.read_table(12, &mut data);
        assert_eq!(data, [1, 0, 0, 0, 0, 0, 0, 0]);
        msix.write_table(2, &[0xFF; 4]);
        msix.write_table(u64::MAX - 3, &[0xFF; 4]);
        msix.read_pending(u64::MAX, &mut data[..1]);
        msix.read_table(0, &mut data);
        assert_eq!(data, [0; 8]);
    }
}
