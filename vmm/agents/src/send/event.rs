//! Events of a file transfer out of the guest.

/// Event of a file that a program in the guest sends; one file at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileEvent {
    /// The program offers a file. [`super::GuestFileReceiver::accept`] or
    /// [`super::GuestFileReceiver::reject`] is the answer, at any later time.
    Offered {
        /// Name of the file as the guest sent it; hostile: any characters, but bounded in length.
        name: String,
        /// Announced size of the file in bytes.
        size: u64,
    },
    /// Next bytes of the file; the number of unacknowledged bytes never exceeds the credit.
    Data(Vec<u8>),
    /// End of the file: all bytes were reported. [`super::GuestFileReceiver::acknowledge`] of the last byte
    /// confirms to the guest that the file is stored.
    Complete,
    /// The program closed the port or aborted the file; no more bytes of the file follow.
    Aborted,
}
