//! Log lines on COM1.

use core::fmt::{self, Write};

use crate::port;

const COM1: u16 = 0x3f8;
const LINE_STATUS: u16 = COM1 + 5;
const TRANSMITTER_EMPTY: u8 = 1 << 5;

/// The first serial port.
pub struct Serial;

impl Serial {
    fn put(byte: u8) {
        // A port that nobody decodes reads as all ones, so this ends; a UART that
        // never empties costs its byte and not the program.
        for _ in 0..10_000 {
            if port::read_u8(LINE_STATUS) & TRANSMITTER_EMPTY != 0 {
                break;
            }
        }
        port::write_u8(COM1, byte);
    }
}

impl Write for Serial {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.bytes().for_each(Self::put);
        Ok(())
    }
}

/// Writes one line to COM1.
#[macro_export]
macro_rules! log {
    ($($argument:tt)*) => {{
        use core::fmt::Write as _;
        // Writing to the serial port cannot fail.
        let _ = core::writeln!($crate::serial::Serial, $($argument)*);
    }};
}
