//! Audit log: actions with their actors and outcomes, in entries linked by keyed hashes.
//!
//! The code of an entry is the HMAC-SHA-256 (RFC 2104) over the code of the entry before and every field,
//! each with its length. A change, removal or insertion breaks every later code, and whoever lacks the key
//! cannot make a code. Number and code of the newest entry are kept in a file beside the database, so that
//! the removal of the last entries shows too.
//!
//! | module | contents |
//! |---|---|
//! | `chain` | codes of entries, with the key and, for entries of early versions, without |
//! | `key` | the file of the key |
//! | `head` | the file with number and code of the newest entry |
//! | `log` | [`AuditLog`]: appending entries |
//! | `perform` | actions whose intent is recorded before them and whose outcome after them |
//! | `bounded`, `burst` | bound on the entries that strangers can cause |
//! | `lines` | reading entries |
//! | `verify` | verification of the chain |
//! | `prune`, `anchor` | removal of old entries, with an anchor from which the rest is verified |

mod anchor;
mod bounded;
mod burst;
mod chain;
mod head;
mod key;
mod lines;
mod log;
mod perform;
mod prune;
mod verify;

pub use lines::{AuditFilter, AuditLine};
pub use log::{AuditLog, Entry};
pub use perform::{Attempt, Unrecorded};
pub use prune::Pruned;
pub use verify::{Broken, Fault, Verified};

#[cfg(test)]
mod tests;
