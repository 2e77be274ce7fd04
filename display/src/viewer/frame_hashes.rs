//! For a client that wants to compare its picture with the guest's: when to send it the hashes.

use oriel_wire::FrameHeader;

/// Whether hashes are wanted, and those of which frame are owed.
#[derive(Debug, Default)]
pub struct FrameHashes {
    wanted: bool,
    /// The last frame sent, if the client's picture is exact since.
    exact: Option<u32>,
    owed: bool,
}

impl FrameHashes {
    /// The client wants hashes from now on, of what it shows now as well; or none any more.
    pub fn set(&mut self, wanted: bool) {
        self.owed |= wanted && !self.wanted;
        self.wanted = wanted;
    }

    /// Whether the client wants hashes.
    pub fn are_wanted(&self) -> bool {
        self.wanted
    }

    /// A frame went out.
    pub fn sent(&mut self, frame: &FrameHeader) {
        self.exact = frame.exact.then_some(frame.frame_id);
        self.owed = true;
    }

    /// Whether [`Self::take`] gives something.
    pub fn is_due(&self) -> bool {
        self.wanted && self.owed && self.exact.is_some()
    }

    /// The frame whose picture is to be hashed now, once.
    pub fn take(&mut self) -> Option<u32> {
        let due = self.is_due();
        self.owed &= !due;
        self.exact.filter(|_| due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(frame_id: u32, exact: bool) -> FrameHeader {
        FrameHeader { frame_id, exact, ..FrameHeader::default() }
    }

    #[test]
    fn each_exact_picture_is_proved_once_while_that_is_wanted() {
        let mut frame_hashes = FrameHashes::default();
        frame_hashes.sent(&frame(1, true));
        assert_eq!(frame_hashes.take(), None, "nobody asked");
        frame_hashes.set(true);
        assert_eq!((frame_hashes.take(), frame_hashes.take()), (Some(1), None), "what is shown already");
        frame_hashes.set(true);
        assert_eq!(frame_hashes.take(), None, "asked again");
        frame_hashes.sent(&frame(2, false));
        assert_eq!(frame_hashes.take(), None);
        frame_hashes.sent(&frame(3, true));
        assert_eq!(frame_hashes.take(), Some(3));
        frame_hashes.set(false);
        frame_hashes.sent(&frame(4, true));
        assert_eq!(frame_hashes.take(), None);
    }
}
