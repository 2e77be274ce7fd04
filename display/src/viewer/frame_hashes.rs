//! Schedule of tile hashes for a client that compares its picture with the guest's (message `FrameHash`).

use oriel_wire::FrameHeader;

/// State of one client's requested hashes: whether they are on, and for which frame one is due.
#[derive(Debug, Default)]
pub struct FrameHashes {
    /// True while the client requests hashes.
    wanted: bool,
    /// Number of the last frame sent, if the client's picture is exact after it.
    exact: Option<u32>,
    /// True if no hashes were sent for the last frame.
    owed: bool,
}

impl FrameHashes {
    /// Turns hashes on or off. When turned on, the present picture is hashed as well.
    pub fn set(&mut self, wanted: bool) {
        self.owed |= wanted && !self.wanted;
        self.wanted = wanted;
    }

    /// Reports whether the client requests hashes.
    pub fn are_wanted(&self) -> bool {
        self.wanted
    }

    /// Records a frame that was sent.
    pub fn sent(&mut self, frame: &FrameHeader) {
        self.exact = frame.exact.then_some(frame.frame_id);
        self.owed = true;
    }

    /// Reports whether [`Self::take`] will return a frame.
    pub fn is_due(&self) -> bool {
        self.wanted && self.owed && self.exact.is_some()
    }

    /// Returns the number of the frame whose picture is to be hashed now; once for each frame.
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
    fn each_exact_picture_is_hashed_once_while_requested() {
        let mut frame_hashes = FrameHashes::default();
        frame_hashes.sent(&frame(1, true));
        assert_eq!(frame_hashes.take(), None, "not requested");
        frame_hashes.set(true);
        assert_eq!((frame_hashes.take(), frame_hashes.take()), (Some(1), None), "what is shown already");
        frame_hashes.set(true);
        assert_eq!(frame_hashes.take(), None, "requested again");
        frame_hashes.sent(&frame(2, false));
        assert_eq!(frame_hashes.take(), None);
        frame_hashes.sent(&frame(3, true));
        assert_eq!(frame_hashes.take(), Some(3));
        frame_hashes.set(false);
        frame_hashes.sent(&frame(4, true));
        assert_eq!(frame_hashes.take(), None);
    }
}
