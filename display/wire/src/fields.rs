//! Reader and writers of binary fields: little-endian and unaligned, as the messages have them.

use crate::Malformed;
use crate::geometry::Rect;

/// Reader of the fields of one message, from front to end.
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    message: &'static str,
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// Reader of a message's body; errors call the message `message`.
    pub fn new(message: &'static str, rest: &'a [u8]) -> Self {
        Self { message, rest }
    }

    /// Reads the next `n` bytes.
    ///
    /// # Errors
    /// [`Malformed::Length`] when fewer bytes are left.
    pub fn take(&mut self, n: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.rest.split_at_checked(n).ok_or(Malformed::Length(self.message))?;
        self.rest = rest;
        Ok(taken)
    }

    /// Reads the next `N` bytes as an array.
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or(Malformed::Length(self.message))?;
        self.rest = rest;
        Ok(*taken)
    }

    /// Reads a byte.
    ///
    /// # Errors
    /// [`Malformed::Length`] when no byte is left.
    pub fn u8(&mut self) -> Result<u8, Malformed> {
        self.array().map(u8::from_le_bytes)
    }

    /// Reads an unsigned 16-bit integer.
    ///
    /// # Errors
    /// [`Malformed::Length`] when fewer than 2 bytes are left.
    pub fn u16(&mut self) -> Result<u16, Malformed> {
        self.array().map(u16::from_le_bytes)
    }

    /// Reads a signed 16-bit integer.
    ///
    /// # Errors
    /// [`Malformed::Length`] when fewer than 2 bytes are left.
    pub fn i16(&mut self) -> Result<i16, Malformed> {
        self.array().map(i16::from_le_bytes)
    }

    /// Reads an unsigned 32-bit integer.
    ///
    /// # Errors
    /// [`Malformed::Length`] when fewer than 4 bytes are left.
    pub fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_le_bytes)
    }

    /// Reads an unsigned 64-bit integer.
    ///
    /// # Errors
    /// [`Malformed::Length`] when fewer than 8 bytes are left.
    pub fn u64(&mut self) -> Result<u64, Malformed> {
        self.array().map(u64::from_le_bytes)
    }

    /// Reads a rectangle: `x`, `y`, `width` and `height`, each a `u16`.
    ///
    /// # Errors
    /// [`Malformed::Length`] when fewer than 8 bytes are left.
    pub fn rect(&mut self) -> Result<Rect, Malformed> {
        Ok(Rect::new(self.u16()?.into(), self.u16()?.into(), self.u16()?.into(), self.u16()?.into()))
    }

    /// Reads a byte that is 0 or 1 as a truth value.
    ///
    /// # Errors
    /// [`Malformed::Field`] when the byte has another value, [`Malformed::Length`] when no byte is left.
    pub fn flag(&mut self, field: &'static str) -> Result<bool, Malformed> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(self.impossible(field)),
        }
    }

    /// Takes all remaining bytes of the message.
    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    /// Returns `true` when all bytes of the message are read.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Requires that all bytes of the message are read.
    ///
    /// # Errors
    /// [`Malformed::Length`] when bytes are left.
    pub fn end(&self) -> Result<(), Malformed> {
        if self.rest.is_empty() { Ok(()) } else { Err(Malformed::Length(self.message)) }
    }

    /// Error for a value that `field` of the message cannot have.
    pub fn impossible(&self, field: &'static str) -> Malformed {
        Malformed::Field { message: self.message, field }
    }
}

/// Coordinate as a `u16` of the wire; larger values saturate, since screens are at most 65535 pixels across.
pub fn coordinate(value: u32) -> u16 {
    u16::try_from(value).unwrap_or(u16::MAX)
}

/// Appends a rectangle as `x`, `y`, `width` and `height`, each a `u16`.
pub(crate) fn put_rect(out: &mut Vec<u8>, rect: &Rect) {
    for value in [rect.x, rect.y, rect.width, rect.height] {
        out.extend_from_slice(&coordinate(value).to_le_bytes());
    }
}

/// Decodes a whole body with `read`; bytes that `read` leaves over are malformed.
pub(crate) fn fields<T>(
    name: &'static str,
    body: &[u8],
    read: impl FnOnce(&mut Fields<'_>) -> Result<T, Malformed>,
) -> Result<T, Malformed> {
    let mut fields = Fields::new(name, body);
    let message = read(&mut fields)?;
    fields.end()?;
    Ok(message)
}
