//! Differentiated System Description Table: AML for the devices that a guest cannot enumerate (ACPI 6.5,
//! section 5.2.11.1). Virtio devices are not part of it, because the guest finds them on the PCI bus.

use crate::layout;
use acpi_tables::Aml;
use acpi_tables::aml::{
    AddressSpace, AddressSpaceCacheable, Arg, Device, EISAName, Equal, IO, If, Interrupt, Memory32Fixed,
    Method, Name, Notify, Package, Path, ResourceTemplate, Scope, ZERO,
};

/// I/O port of `CONFIG_ADDRESS`.
const PCI_CONFIG_PORT: u16 = 0xCF8;
/// Last I/O port of `CONFIG_DATA`.
const PCI_CONFIG_PORT_LAST: u16 = 0xCFF;
/// Notification value of a pressed power button (ACPI 6.5, section 5.6.6), and of a changed VMGenID.
const NOTIFY_VALUE: u8 = 0x80;

/// Builds the body of the table: the namespace under `\` as AML.
pub fn build_body() -> Vec<u8> {
    let mut aml = Vec::new();
    pci_host_bridge(&mut aml);
    motherboard(&mut aml);
    serial_port(&mut aml);
    rtc(&mut aml);
    power_button(&mut aml);
    vmgenid(&mut aml);
    generic_event_device(&mut aml);
    Name::new("_S5_".into(), &Package::new(vec![&layout::S5_SLEEP_TYPE])).to_aml_bytes(&mut aml);
    aml
}

/// Appends to `aml` a device under `\_SB_` with `names` and their values, followed by `methods`.
fn append_device(aml: &mut Vec<u8>, name: &str, names: &[(&str, &dyn Aml)], methods: &[&dyn Aml]) {
    let names: Vec<Name> = names.iter().map(|(name, value)| Name::new((*name).into(), *value)).collect();
    let children = names.iter().map(|name| name as &dyn Aml).chain(methods.iter().copied()).collect();
    let device = Device::new(name.into(), children);
    Scope::new("_SB_".into(), vec![&device]).to_aml_bytes(aml);
}

/// Appends the PCI host bridge with its bus numbers, I/O ports and MMIO window. The devices of the bus
/// interrupt by MSI-X alone, so there is no `_PRT`.
fn pci_host_bridge(aml: &mut Vec<u8>) {
    let first = u32::try_from(layout::BAR_WINDOW).unwrap_or(0);
    let last = u32::try_from(layout::BAR_WINDOW + layout::BAR_WINDOW_SIZE - 1).unwrap_or(0);
    let buses = AddressSpace::new_bus_number(0u16, 0u16);
    let config = IO::new(PCI_CONFIG_PORT, PCI_CONFIG_PORT, 1, 8);
    let low_ports = AddressSpace::new_io(0u16, PCI_CONFIG_PORT - 1, None);
    let high_ports = AddressSpace::new_io(PCI_CONFIG_PORT_LAST + 1, 0xFFFFu16, None);
    let memory = AddressSpace::new_memory(AddressSpaceCacheable::NotCacheable, true, first, last, None);
    let resources = ResourceTemplate::new(vec![&buses, &config, &low_ports, &high_ports, &memory]);
    let (hid, cid) = (EISAName::new("PNP0A08"), EISAName::new("PNP0A03"));
    let names: [(&str, &dyn Aml); 6] = [
        ("_HID", &hid),
        ("_CID", &cid),
        ("_SEG", &ZERO),
        ("_BBN", &ZERO),
        ("_UID", &ZERO),
        ("_CRS", &resources),
    ];
    append_device(aml, "PCI0", &names, &[]);
}

/// Appends motherboard resources, which reserve the ECAM: Linux uses the ECAM of the MCFG table only if a
/// resource reserves it.
fn motherboard(aml: &mut Vec<u8>) {
    let base = u32::try_from(layout::ECAM).unwrap_or(0);
    let size = u32::try_from(layout::ECAM_SIZE).unwrap_or(0);
    let memory = Memory32Fixed::new(true, base, size);
    let resources = ResourceTemplate::new(vec![&memory]);
    let hid = EISAName::new("PNP0C02");
    append_device(aml, "BORD", &[("_HID", &hid), ("_UID", &ZERO), ("_CRS", &resources)], &[]);
}

/// Appends COM1, a 16550A-compatible serial port.
fn serial_port(aml: &mut Vec<u8>) {
    let interrupt = Interrupt::new(true, true, false, false, layout::SERIAL_GSI);
    let ports = IO::new(layout::SERIAL_PORT, layout::SERIAL_PORT, 1, 8);
    let resources = ResourceTemplate::new(vec![&interrupt, &ports]);
    let hid = EISAName::new("PNP0501");
    append_device(aml, "COM1", &[("_HID", &hid), ("_UID", &ZERO), ("_CRS", &resources)], &[]);
}

/// Appends the real-time clock, without an interrupt and thus without alarms.
fn rtc(aml: &mut Vec<u8>) {
    let ports = IO::new(layout::RTC_PORT, layout::RTC_PORT, 1, 2);
    let resources = ResourceTemplate::new(vec![&ports]);
    let hid = EISAName::new("PNP0B00");
    append_device(aml, "RTC_", &[("_HID", &hid), ("_CRS", &resources)], &[]);
}

/// Appends a control method power button.
fn power_button(aml: &mut Vec<u8>) {
    let hid = EISAName::new("PNP0C0C");
    append_device(aml, "PWRB", &[("_HID", &hid), ("_UID", &ZERO)], &[]);
}

/// Appends the VMGenID device, whose `ADDR` is the guest physical address of the generation ID (Microsoft,
/// "Virtual Machine Generation ID").
fn vmgenid(aml: &mut Vec<u8>) {
    let address = Package::new(vec![&layout::VMGENID, &ZERO]);
    // IDs that the drivers of Linux and Windows match. Neither is valid as _HID, which ends in four
    // hexadecimal digits.
    let compatible_ids = Package::new(vec![&"VM_Gen_Counter", &"VMGENCTR"]);
    let names: [(&str, &dyn Aml); 4] =
        [("_HID", &"ORIL0001"), ("_CID", &compatible_ids), ("_DDN", &"VM_Gen_Counter"), ("ADDR", &address)];
    append_device(aml, "VGEN", &names, &[]);
}

/// Appends the generic event device (ACPI 6.5, section 5.6.9), whose `_EVT` notifies the power button or the
/// VMGenID device, depending on the interrupt.
fn generic_event_device(aml: &mut Vec<u8>) {
    let line = |gsi| Interrupt::new(true, true, false, false, gsi);
    let (button_line, generation_line) = (line(layout::POWER_BUTTON_GSI), line(layout::VMGENID_GSI));
    let resources = ResourceTemplate::new(vec![&button_line, &generation_line]);

    let (button, generation) = (Path::new("\\_SB_.PWRB"), Path::new("\\_SB_.VGEN"));
    let (pressed, changed) = (Notify::new(&button, &NOTIFY_VALUE), Notify::new(&generation, &NOTIFY_VALUE));
    let is = |gsi| Equal::new(&Arg(0), gsi);
    let (is_button, is_generation) = (is(&layout::POWER_BUTTON_GSI), is(&layout::VMGENID_GSI));
    let (if_button, if_generation) =
        (If::new(&is_button, vec![&pressed]), If::new(&is_generation, vec![&changed]));
    let on_event = Method::new("_EVT".into(), 1, true, vec![&if_button, &if_generation]);
    let names: [(&str, &dyn Aml); 3] = [("_HID", &"ACPI0013"), ("_UID", &ZERO), ("_CRS", &resources)];
    append_device(aml, "GED_", &names, &[&on_event]);
}

#[cfg(test)]
mod tests;
