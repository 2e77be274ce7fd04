//! Legacy devices of a KVM machine at fixed I/O ports: serial port, real-time clock, i8042 reset command,
//! ACPI power registers and ACPI power-management timer.
//!
//! Only what kernels use without firmware is emulated: there is no PIC, PIT, DMA controller, VGA, keyboard or
//! mouse. The port bus of [`crate::bus`] dispatches a guest's accesses to these devices.

mod i8042;
mod pm_timer;
mod power;
mod rtc;
mod serial;
mod serial_log;

pub use i8042::I8042Device;
pub use pm_timer::PmTimer;
pub use power::PowerRegisters;
pub use rtc::Rtc;
pub use serial::SerialPort;
pub use serial_log::SerialLog;
