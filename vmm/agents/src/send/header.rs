//! Parser of the lines that a program in the guest sends.

/// Maximum length of a line in bytes, with the line feed.
pub const MAX_LINE: usize = 64;
/// Maximum length of a file's name in bytes; file systems store up to 255.
pub const MAX_NAME: usize = 4096;

/// Header of a file: `file SIZE LENGTH`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileHeader {
    /// Size of the file in bytes.
    pub size: u64,
    /// Length in bytes of the name that follows the header: 1 to [`MAX_NAME`].
    pub name_length: usize,
}

/// Parses the header line of a file, without the line feed; `None` for any other line.
pub fn parse_header(line: &[u8]) -> Option<FileHeader> {
    let line = std::str::from_utf8(line).ok()?;
    let (size, length) = line.strip_prefix("file ")?.split_once(' ')?;
    let size = decimal(size)?;
    let name_length = usize::try_from(decimal(length)?).ok()?;
    (1..=MAX_NAME).contains(&name_length).then_some(FileHeader { size, name_length })
}

/// Parses a decimal number of digits only; `parse` alone would accept a sign.
fn decimal(digits: &str) -> Option<u64> {
    digits.bytes().all(|digit| digit.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// Buffer for the received bytes of a line.
#[derive(Debug, Default)]
pub struct LineBuffer(Vec<u8>);

/// Result of [`LineBuffer::push`].
#[derive(Debug, PartialEq, Eq)]
pub enum LineStatus {
    /// Received line, without the line feed.
    Complete(Vec<u8>),
    /// The line feed has not arrived.
    Incomplete,
    /// The line exceeds [`MAX_LINE`].
    TooLong,
}

impl LineBuffer {
    /// Moves the bytes of the line from the front of `bytes` into the buffer.
    pub fn push(&mut self, bytes: &mut &[u8]) -> LineStatus {
        let room = MAX_LINE.saturating_sub(self.0.len());
        let front = bytes.get(..room).unwrap_or(bytes);
        let end = front.iter().position(|byte| *byte == b'\n');
        let (taken, used) = end.map_or((front.len(), front.len()), |end| (end, end.saturating_add(1)));
        self.0.extend_from_slice(front.get(..taken).unwrap_or_default());
        *bytes = bytes.get(used..).unwrap_or_default();
        match end {
            Some(_) => LineStatus::Complete(std::mem::take(&mut self.0)),
            None if self.0.len() >= MAX_LINE => LineStatus::TooLong,
            None => LineStatus::Incomplete,
        }
    }
}
