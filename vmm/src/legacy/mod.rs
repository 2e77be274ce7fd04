//! What a PC has at fixed ports, as far as kernels without firmware still want it.

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
pub use serial_log::{LogFiles, SerialLog};
