//! Removal of all capabilities, and of the ways to gain capabilities (capabilities(7)).
//!
//! In a user namespace, the new process keeps across execve(2) what [`crate::enter`] needs; `enter`
//! then drops everything.

use crate::{Jail, JailPart};
use rustix::thread::{
    CapabilitiesSecureBits, CapabilitySet, CapabilitySets, clear_ambient_capability_set,
    configure_capability_in_ambient_set, remove_capability_from_bounding_set, set_capabilities,
    set_capabilities_secure_bits, set_no_new_privs,
};

/// Capabilities that [`crate::enter`] needs in a new user namespace.
const ENTER_CAPABILITIES: [CapabilitySet; 3] =
    [CapabilitySet::SYS_ADMIN, CapabilitySet::SYS_CHROOT, CapabilitySet::SETPCAP];

/// Makes the capabilities that [`crate::enter`] needs ambient, so that a process in a new user namespace
/// keeps them across execve(2). Runs between clone(2) and execve(2): no allocation, no locks.
pub(crate) fn keep_over_exec() -> rustix::io::Result<()> {
    let mut sets = rustix::thread::capabilities(None)?;
    sets.inheritable = sets.permitted;
    set_capabilities(None, sets)?;
    let mut capabilities = ENTER_CAPABILITIES.into_iter();
    capabilities.try_for_each(|capability| configure_capability_in_ambient_set(capability, true))
}

/// Empties the ambient and bounding sets and locks the secure bits, so that no execve(2) can give
/// capabilities. Must be called before the identity changes, while the process has CAP_SETPCAP.
pub(crate) fn prevent_gain() -> rustix::io::Result<()> {
    clear_ambient_capability_set()?;
    for number in 0..u64::BITS {
        match remove_capability_from_bounding_set(CapabilitySet::from_bits_retain(1 << number)) {
            Ok(()) => {}
            // The number is beyond the last capability of this kernel.
            Err(rustix::io::Errno::INVAL) => break,
            Err(error) => return Err(error),
        }
    }
    set_capabilities_secure_bits(
        CapabilitiesSecureBits::NO_ROOT
            | CapabilitiesSecureBits::NO_ROOT_LOCKED
            | CapabilitiesSecureBits::NO_SETUID_FIXUP
            | CapabilitiesSecureBits::NO_SETUID_FIXUP_LOCKED
            | CapabilitiesSecureBits::KEEP_CAPS_LOCKED
            | CapabilitiesSecureBits::NO_CAP_AMBIENT_RAISE
            | CapabilitiesSecureBits::NO_CAP_AMBIENT_RAISE_LOCKED,
    )
}

/// Drops all capabilities and sets no_new_privs (prctl(2)), after the change of identity. Reports on the
/// part with `prevented`, the result of [`prevent_gain`].
pub(crate) fn drop_all(prevented: rustix::io::Result<()>, report: &mut Jail) {
    let none = CapabilitySets {
        effective: CapabilitySet::empty(),
        permitted: CapabilitySet::empty(),
        inheritable: CapabilitySet::empty(),
    };
    let dropped = set_capabilities(None, none).and_then(|()| set_no_new_privs(true));
    let part = JailPart::Capabilities;
    match (dropped, prevented) {
        (Ok(()), Ok(())) => report.add(part, true, "The process has no capabilities and cannot gain any."),
        // Without CAP_SETPCAP the bounding set cannot be emptied; no_new_privs covers execve(2).
        (Ok(()), Err(rustix::io::Errno::PERM)) => {
            report.add(part, true, "The process has no capabilities, and programs that it starts get none.");
        }
        (Err(error), _) | (_, Err(error)) => {
            report.add(
                part,
                false,
                format!("The capabilities of the process could not be dropped: {error}."),
            );
        }
    }
}
