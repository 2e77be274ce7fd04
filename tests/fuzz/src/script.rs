//! Actions of a guest on a virtio device, encoded as bytes that libFuzzer mutates and recorded traffic seeds.
//!
//! Every byte string is a script. Missing bytes at the end are zero, so a small change of the bytes is a
//! small change of the actions.

/// Buffer of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Contents of a device-readable buffer.
    Readable(Vec<u8>),
    /// Length of a device-writable buffer in bytes.
    Writable(u16),
}

/// Descriptor as written into the table (`struct virtq_desc`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Descriptor {
    /// Guest address of the buffer.
    pub address: u64,
    /// Length of the buffer in bytes.
    pub len: u32,
    /// Combination of VIRTQ_DESC_F_*.
    pub flags: u16,
    /// Index of the next descriptor.
    pub next: u16,
}

/// Action of a guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Adds a well-formed chain to the queue and notifies the device.
    Chain { queue: u8, indirect: bool, parts: Vec<Part> },
    /// Writes unchecked descriptors, makes the first available, and notifies the device.
    Raw { queue: u8, descriptors: Vec<Descriptor> },
    /// Writes bytes anywhere in memory, such as rings and buffers in use.
    Poke { address: u32, bytes: Vec<u8> },
    /// Sets the available ring's index and notifies the device.
    Claim { queue: u8, index: u16 },
    /// Notifies the device.
    Kick { queue: u8 },
    /// Reports one of the device's descriptors as readable.
    Event { token: u8 },
    /// Reads the configuration space.
    Read { offset: u16, len: u8 },
    /// Writes to the configuration space.
    Write { offset: u16, bytes: Vec<u8> },
    /// Resets the device, and activates it with these of the offered features.
    Restart { features: u64 },
    /// Action of the host's side, which each target defines.
    Host { bytes: Vec<u8> },
}

/// Maximum length of a buffer in bytes.
const MAX_PARTS: usize = 6;
const MAX_PART: usize = 8192;
/// Maximum length of a piece in bytes.
const MAX_PIECE: usize = 64;
/// Number of kinds of steps.
const KINDS: u8 = 10;

/// Reader of a script, which returns zeroes after the end.
pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    /// Reads `len` bytes, or the rest if it is shorter.
    pub fn bytes(&mut self, len: usize) -> &'a [u8] {
        let (head, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        head
    }

    /// Reads a number of `N` bytes.
    fn number<const N: usize>(&mut self) -> [u8; N] {
        let mut number = [0; N];
        let bytes = self.bytes(N);
        number[..bytes.len()].copy_from_slice(bytes);
        number
    }

    /// Reads a byte.
    pub fn u8(&mut self) -> u8 {
        u8::from_le_bytes(self.number())
    }

    /// Reads a 16-bit number.
    pub fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.number())
    }

    /// Reads a 32-bit number.
    pub fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.number())
    }

    /// Reads a 64-bit number.
    pub fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.number())
    }

    /// Reads a length and that many bytes, or the rest if it is shorter.
    pub fn piece(&mut self) -> Vec<u8> {
        let len = usize::from(self.u8()) % (MAX_PIECE + 1);
        self.bytes(len).to_vec()
    }

    /// Reads a buffer of a chain.
    fn part(&mut self) -> Part {
        let word = self.u16();
        let len = usize::from(word >> 1) % (MAX_PART + 1);
        if word & 1 == 1 {
            return Part::Writable(len as u16);
        }
        let mut bytes = self.bytes(len).to_vec();
        bytes.resize(len, 0);
        Part::Readable(bytes)
    }

    /// Reads a descriptor.
    fn descriptor(&mut self) -> Descriptor {
        let near = self.u8();
        let address = if near & 1 == 0 { u64::from(self.u16()) << 8 } else { self.u64() };
        Descriptor { address, len: self.u32(), flags: self.u16() & 7, next: self.u16() }
    }
}

impl Iterator for Reader<'_> {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        if self.0.is_empty() {
            return None;
        }
        Some(match self.u8() % KINDS {
            0 => {
                let (queue, shape) = (self.u8(), self.u8());
                let count = usize::from(shape >> 1) % (MAX_PARTS + 1);
                let parts = (0..count).map(|_| self.part()).collect();
                Step::Chain { queue, indirect: shape & 1 == 1, parts }
            }
            1 => {
                let (queue, count) = (self.u8(), 1 + self.u8() % 4);
                Step::Raw { queue, descriptors: (0..count).map(|_| self.descriptor()).collect() }
            }
            2 => Step::Poke { address: self.u32(), bytes: self.piece() },
            3 => Step::Claim { queue: self.u8(), index: self.u16() },
            4 => Step::Kick { queue: self.u8() },
            5 => Step::Event { token: self.u8() },
            6 => Step::Read { offset: self.u16(), len: self.u8() },
            7 => Step::Write { offset: self.u16(), bytes: self.piece() },
            8 => Step::Restart { features: self.u64() },
            _ => Step::Host { bytes: self.piece() },
        })
    }
}

impl Step {
    /// Encodes a chain so that [`Reader`] reads it, for seeds; `None` if it is too large for a script.
    pub fn encode_chain(queue: u8, parts: &[Part]) -> Option<Vec<u8>> {
        if parts.len() > MAX_PARTS {
            return None;
        }
        let mut bytes = vec![0, queue, (parts.len() as u8) << 1];
        for part in parts {
            let len = match part {
                Part::Readable(data) => u16::try_from(data.len()).ok()?,
                Part::Writable(len) => *len,
            };
            if usize::from(len) > MAX_PART {
                return None;
            }
            bytes.extend((len << 1 | u16::from(matches!(part, Part::Writable(_)))).to_le_bytes());
            if let Part::Readable(data) = part {
                bytes.extend(data);
            }
        }
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_read_again() {
        let parts = vec![Part::Readable(vec![1, 2, 3]), Part::Writable(24)];
        let bytes = Step::encode_chain(1, &parts).unwrap();
        let steps: Vec<Step> = Reader(&bytes).collect();
        assert_eq!(steps, [Step::Chain { queue: 1, indirect: false, parts }]);
    }

    #[test]
    fn any_bytes_are_a_script_that_ends() {
        for len in 0..300_u32 {
            let bytes: Vec<u8> = (0..len).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
            assert!(Reader(&bytes).count() <= bytes.len());
        }
    }
}
