//! Serial port COM1, a 16550A UART whose output is the serial log. The port receives no input.

use super::serial_log::SerialLog;
use crate::bus::Registers;
use crate::interrupts::InterruptManager;
use crate::layout;
use parking_lot::Mutex;
use std::convert::Infallible;
use std::sync::Arc;
use vm_superio::serial::{NoEvents, SerialState};
use vm_superio::{Serial, Trigger};

/// Interrupt line of the UART: one edge on [`layout::SERIAL_GSI`] of the IOAPIC.
struct SerialInterrupt(Arc<dyn InterruptManager>);

impl Trigger for SerialInterrupt {
    type E = Infallible;

    fn trigger(&self) -> Result<(), Infallible> {
        self.0.pulse(layout::SERIAL_GSI);
        Ok(())
    }
}

/// 16550A UART at [`layout::SERIAL_PORT`]. The option is empty only if a reset failed; the port then reads as
/// all ones.
pub struct SerialPort(Mutex<Option<Serial<SerialInterrupt, NoEvents, SerialLog>>>);

impl SerialPort {
    /// Number of I/O ports of the UART.
    pub const PORTS: u64 = 8;

    /// Creates a UART in its state at power-on, which transmits to `log` and interrupts through
    /// `interrupt_manager`.
    pub fn new(log: SerialLog, interrupt_manager: Arc<dyn InterruptManager>) -> Self {
        Self(Mutex::new(Some(Serial::new(SerialInterrupt(interrupt_manager), log))))
    }

    /// Restores the registers' state at power-on; the log continues.
    pub fn reset(&self) {
        let mut port = self.0.lock();
        let Some(serial) = port.take() else { return };
        let interrupt = SerialInterrupt(serial.interrupt_evt().0.clone());
        let power_on = SerialState::default();
        *port = Serial::from_state(&power_on, interrupt, NoEvents, serial.into_writer()).ok();
    }
}

impl Registers for SerialPort {
    fn read(&self, offset: u64, data: &mut [u8]) {
        if let ([byte], Some(serial), Ok(offset)) = (data, self.0.lock().as_mut(), u8::try_from(offset)) {
            *byte = serial.read(offset);
        }
    }

    fn write(&self, offset: u64, data: &[u8]) {
        if let ([byte], Some(serial), Ok(offset)) = (data, self.0.lock().as_mut(), u8::try_from(offset))
            && let Err(error) = serial.write(offset, *byte)
        {
            tracing::debug!(%error, "the serial log cannot be written; output of the guest is lost");
        }
    }
}
