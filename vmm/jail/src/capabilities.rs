//! Capabilities (capabilities(7)): none, and no way to get any.

use crate::{Jail, JailPart};
use rustix::thread::{
    CapabilitiesSecureBits, CapabilitySet, CapabilitySets, clear_ambient_capability_set,
    configure_capability_in_ambient_set, remove_capability_from_bounding_set, set_capabilities,
    set_capabilities_secure_bits, set_no_new_privs,
};

/// What [`crate::enter`] itself takes, in a user namespace of its own.
const TO_PUT_IT_UP: [CapabilitySet; 3] =
    [CapabilitySet::SYS_ADMIN, CapabilitySet::SYS_CHROOT, CapabilitySet::SETPCAP];

/// Lets a process that became nobody's root keep, over execve(2), what [`crate::enter`] takes.
/// Runs between clone(2) and execve(2): no allocation, no locks.
pub(crate) fn keep_over_exec() -> rustix::io::Result<()> {
    let mut sets = rustix::thread::capabilities(None)?;
    sets.inheritable = sets.permitted;
    set_capabilities(None, sets)?;
    TO_PUT_IT_UP.into_iter().try_for_each(|one| configure_capability_in_ambient_set(one, true))
}

/// Before the identity changes: closes the ways back.
pub(crate) fn close_ways_back() -> rustix::io::Result<()> {
    clear_ambient_capability_set()?;
    for number in 0..u64::BITS {
        match remove_capability_from_bounding_set(CapabilitySet::from_bits_retain(1 << number)) {
            Ok(()) => {}
            // Past the last one that this kernel knows.
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

/// After it has: gives all of them up. `closed` is what [`close_ways_back`] came to.
pub(crate) fn drop_all(closed: rustix::io::Result<()>, report: &mut Jail) {
    let none = CapabilitySets {
        effective: CapabilitySet::empty(),
        permitted: CapabilitySet::empty(),
        inheritable: CapabilitySet::empty(),
    };
    let dropped = set_capabilities(None, none).and_then(|()| set_no_new_privs(true));
    let part = JailPart::Capabilities;
    match (dropped, closed) {
        (Ok(()), Ok(())) => report.add(part, true, "It has no capabilities and no way to new ones."),
        // Whoever has none may not close the ways to them; no_new_privs closes those that matter.
        (Ok(()), Err(rustix::io::Errno::PERM)) => {
            report.add(part, true, "It has no capabilities, and programs that it starts get none.");
        }
        (Err(error), _) | (_, Err(error)) => {
            report.add(part, false, format!("Its capabilities could not be dropped: {error}."));
        }
    }
}
