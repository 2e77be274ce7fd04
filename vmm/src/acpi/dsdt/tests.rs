use super::*;
use std::process::Command;

/// Disassembles the DSDT with ACPICA's iasl and compiles the result again, in a temporary folder named for
/// `purpose`; `None` where iasl is not installed.
fn disassemble(purpose: &str) -> Option<String> {
    let folder = std::env::temp_dir().join(format!("oriel-dsdt-{purpose}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let table = super::super::tables::sdt(*b"DSDT", &build_body());
    std::fs::write(folder.join("dsdt.aml"), table).unwrap();
    let iasl = |arguments: &[&str]| Command::new("iasl").args(arguments).current_dir(&folder).output();
    let source = iasl(&["-d", "dsdt.aml"]).ok().map(|output| {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let source = std::fs::read_to_string(folder.join("dsdt.dsl")).unwrap();
        let compiled = iasl(&["-p", "again", "dsdt.dsl"]).unwrap();
        let stdout = String::from_utf8_lossy(&compiled.stdout).into_owned();
        assert!(compiled.status.success() && stdout.contains(" 0 Errors, 0 Warnings"), "{stdout}");
        source
    });
    std::fs::remove_dir_all(&folder).unwrap();
    if source.is_none() {
        eprintln!("skipped: iasl (package acpica-tools) is not installed");
    }
    // White space is normalised, so that an expected statement fits on one line.
    source.map(|source| source.split_ascii_whitespace().collect::<Vec<_>>().join(" "))
}

#[test]
fn acpica_disassembles_and_compiles_the_table_without_a_warning() {
    let Some(source) = disassemble("again") else { return };
    for device in ["PNP0A08", "PNP0C02", "PNP0501", "PNP0B00", "PNP0C0C", "VMGENCTR", "ACPI0013"] {
        assert!(source.contains(&format!("\"{device}\"")), "{device} in {source}");
    }
}

#[test]
fn vmgenid_has_its_address_and_its_notification() {
    let Some(source) = disassemble("generation") else { return };
    let address = format!("Name (ADDR, Package (0x02) {{ 0x{:08X}, Zero }})", layout::VMGENID);
    assert!(source.contains(&address), "{address} in {source}");
    let line = |gsi: u32, device: &str| {
        let condition = format!("If ((Arg0 == 0x{gsi:02X})) {{ Notify (\\_SB.{device}, 0x80)");
        assert!(source.contains(&condition), "{condition} in {source}");
        assert!(source.contains(&format!("{{ 0x{gsi:08X}, }}")), "interrupt {gsi}");
    };
    line(layout::POWER_BUTTON_GSI, "PWRB");
    line(layout::VMGENID_GSI, "VGEN");
}
