//! Events of a file on its way out of the guest.

/// Event of the file that a program in the guest sends; there is one file at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileEvent {
    /// The program offers a file. [`super::GuestFileReceiver::accept`] or
    /// [`super::GuestFileReceiver::reject`] answers, at any later time.
    Offered {
        /// Name of the file as the guest spells it; hostile, and may hold anything but is bounded.
        name: String,
        /// Size of the file in bytes, as announced.
        size: u64,
    },
    /// Next bytes of the file; unacknowledged bytes never exceed the credit.
    Data(Vec<u8>),
    /// All bytes of the file were reported; [`super::GuestFileReceiver::acknowledge`] tells the guest
    /// when they are stored.
    Complete,
    /// The program went away or gave up; no more of the file comes.
    Aborted,
}
