//! Little-endian, unaligned fields.

use crate::Malformed;
use crate::geometry::Rect;

/// Takes fields from the front of a message.
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    message: &'static str,
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// The fields of a message called `message` in errors.
    pub fn new(message: &'static str, rest: &'a [u8]) -> Self {
        Self { message, rest }
    }

    /// The next `n` bytes.
    ///
    /// # Errors
    /// When fewer are left.
    pub fn take(&mut self, n: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.rest.split_at_checked(n).ok_or(Malformed::Length(self.message))?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or(Malformed::Length(self.message))?;
        self.rest = rest;
        Ok(*taken)
    }

    /// # Errors
    /// When the message has ended.
    pub fn u8(&mut self) -> Result<u8, Malformed> {
        self.array().map(u8::from_le_bytes)
    }

    /// # Errors
    /// When the message has ended.
    pub fn u16(&mut self) -> Result<u16, Malformed> {
        self.array().map(u16::from_le_bytes)
    }

    /// # Errors
    /// When the message has ended.
    pub fn i16(&mut self) -> Result<i16, Malformed> {
        self.array().map(i16::from_le_bytes)
    }

    /// # Errors
    /// When the message has ended.
    pub fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_le_bytes)
    }

    /// # Errors
    /// When the message has ended.
    pub fn u64(&mut self) -> Result<u64, Malformed> {
        self.array().map(u64::from_le_bytes)
    }

    /// `x, y, width, height`, each a `u16`.
    ///
    /// # Errors
    /// When the message has ended.
    pub fn rect(&mut self) -> Result<Rect, Malformed> {
        Ok(Rect::new(self.u16()?.into(), self.u16()?.into(), self.u16()?.into(), self.u16()?.into()))
    }

    /// A byte that is 0 or 1.
    ///
    /// # Errors
    /// When it is another, or the message has ended.
    pub fn flag(&mut self, field: &'static str) -> Result<bool, Malformed> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(self.impossible(field)),
        }
    }

    /// Remaining bytes of the message.
    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Checks that nothing is left.
    ///
    /// # Errors
    /// When something is.
    pub fn end(&self) -> Result<(), Malformed> {
        if self.rest.is_empty() { Ok(()) } else { Err(Malformed::Length(self.message)) }
    }

    /// The error for a value that `field` cannot have.
    pub fn impossible(&self, field: &'static str) -> Malformed {
        Malformed::Field { message: self.message, field }
    }
}

/// Coordinate as a `u16` of the wire; larger values saturate, since screens are at most 65535 pixels across.
pub fn coordinate(value: u32) -> u16 {
    u16::try_from(value).unwrap_or(u16::MAX)
}

/// Appends `rect` as four `u16`.
pub(crate) fn put_rect(out: &mut Vec<u8>, rect: &Rect) {
    for value in [rect.x, rect.y, rect.width, rect.height] {
        out.extend_from_slice(&coordinate(value).to_le_bytes());
    }
}

/// Reads a whole body with `read`; bytes behind what `read` took are malformed.
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
