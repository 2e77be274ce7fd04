//! Commands of virtio-gpu as bytes (virtio 1.3, section 5.7.6).

use oriel_scenes::Rect;
use virtio_drivers::transport::{DeviceStatus, Transport};

/// VIRTIO_GPU_FORMAT_B8G8R8A8_UNORM.
pub const FORMAT_BGRA: u32 = 1;
/// VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM.
pub const FORMAT_BGRX: u32 = 2;

const GET_DISPLAY_INFO: u32 = 0x0100;
const CREATE_2D: u32 = 0x0101;
const UNREF: u32 = 0x0102;
const SET_SCANOUT: u32 = 0x0103;
const FLUSH: u32 = 0x0104;
const TRANSFER_TO_HOST_2D: u32 = 0x0105;
const ATTACH_BACKING: u32 = 0x0106;
const CREATE_BLOB: u32 = 0x010c;
const SET_SCANOUT_BLOB: u32 = 0x010d;
const UPDATE_CURSOR: u32 = 0x0300;
const MOVE_CURSOR: u32 = 0x0301;
const OK_NODATA: u32 = 0x1100;
const OK_DISPLAY_INFO: u32 = 0x1101;

const FLAG_FENCE: u32 = 1;
const BLOB_MEM_GUEST: u32 = 1;
const BLOB_FLAG_MAPPABLE: u32 = 1;

/// Length of `virtio_gpu_ctrl_hdr` in words: type, flags, fence (2), context, ring.
const HEADER_WORDS: usize = 6;
/// The longest command is SET_SCANOUT_BLOB.
const COMMAND_WORDS: usize = HEADER_WORDS + 18;

/// A command: its words in little-endian order, as the processor stores them.
#[derive(Clone, Copy)]
pub struct Command {
    words: [u32; COMMAND_WORDS],
    length: usize,
}

fn halves(value: u64) -> [u32; 2] {
    [value as u32, (value >> 32) as u32]
}

fn words(rect: Rect) -> [u32; 4] {
    [rect.x, rect.y, rect.width, rect.height].map(|value| value.max(0) as u32)
}

impl Command {
    /// No command; never sent.
    pub const EMPTY: Self = Self { words: [0; COMMAND_WORDS], length: 0 };

    fn new(kind: u32, parts: &[&[u32]]) -> Self {
        let mut command = Self::EMPTY;
        command.words[0] = kind;
        let body = parts.iter().copied().flatten();
        command.length = HEADER_WORDS;
        for (to, from) in command.words[HEADER_WORDS..].iter_mut().zip(body) {
            *to = *from;
            command.length += 1;
        }
        command
    }

    /// GET_DISPLAY_INFO.
    pub fn get_display_info() -> Self {
        Self::new(GET_DISPLAY_INFO, &[])
    }

    /// RESOURCE_UNREF.
    pub fn unref(resource: u32) -> Self {
        Self::new(UNREF, &[&[resource, 0]])
    }

    /// RESOURCE_CREATE_2D.
    pub fn create_2d(resource: u32, format: u32, width: u32, height: u32) -> Self {
        Self::new(CREATE_2D, &[&[resource, format, width, height]])
    }

    /// RESOURCE_ATTACH_BACKING with one piece of memory.
    pub fn attach_backing(resource: u32, address: u64, bytes: u32) -> Self {
        Self::new(ATTACH_BACKING, &[&[resource, 1], &halves(address), &[bytes, 0]])
    }

    /// SET_SCANOUT.
    pub fn set_scanout(scanout: u32, resource: u32, rect: Rect) -> Self {
        Self::new(SET_SCANOUT, &[&words(rect), &[scanout, resource]])
    }

    /// RESOURCE_CREATE_BLOB of guest memory in one piece.
    pub fn create_blob(resource: u32, address: u64, bytes: u32) -> Self {
        let head = [resource, BLOB_MEM_GUEST, BLOB_FLAG_MAPPABLE, 1];
        let (blob, size) = (halves(0), halves(u64::from(bytes)));
        Self::new(CREATE_BLOB, &[&head, &blob, &size, &halves(address), &[bytes, 0]])
    }

    /// SET_SCANOUT_BLOB for a tightly packed picture.
    pub fn set_scanout_blob(scanout: u32, resource: u32, width: u32, height: u32) -> Self {
        let head = [scanout, resource, width, height, FORMAT_BGRX, 0];
        let (strides, offsets) = ([width * 4, 0, 0, 0], [0; 4]);
        Self::new(SET_SCANOUT_BLOB, &[&[0, 0, width, height], &head, &strides, &offsets])
    }

    /// TRANSFER_TO_HOST_2D of a rectangle of a resource that is `stride` pixels wide.
    pub fn transfer(resource: u32, rect: Rect, stride: u32) -> Self {
        let [x, y, ..] = words(rect);
        let offset = (u64::from(y) * u64::from(stride) + u64::from(x)) * 4;
        Self::new(TRANSFER_TO_HOST_2D, &[&words(rect), &halves(offset), &[resource, 0]])
    }

    /// RESOURCE_FLUSH.
    pub fn flush(resource: u32, rect: Rect) -> Self {
        Self::new(FLUSH, &[&words(rect), &[resource, 0]])
    }

    /// UPDATE_CURSOR: a new image, hot spot at its top left.
    pub fn update_cursor(scanout: u32, resource: u32, at: (u32, u32)) -> Self {
        Self::new(UPDATE_CURSOR, &[&[scanout, at.0, at.1, 0], &[resource, 0, 0, 0]])
    }

    /// MOVE_CURSOR.
    pub fn move_cursor(scanout: u32, resource: u32, at: (u32, u32)) -> Self {
        Self::new(MOVE_CURSOR, &[&[scanout, at.0, at.1, 0], &[resource, 0, 0, 0]])
    }

    /// Asks for an answer only when the command has been carried out.
    pub fn set_fence(&mut self, fence: u64) {
        self.words[1] = FLAG_FENCE;
        self.words[2..4].copy_from_slice(&halves(fence));
    }

    /// The command's type.
    pub fn kind(&self) -> u32 {
        self.words[0]
    }
}

/// Memory that the device reads a command from.
#[derive(Clone, Copy)]
pub struct Request(Command);

impl Request {
    /// Holds nothing.
    pub const EMPTY: Self = Self(Command::EMPTY);

    /// Takes the command to send next.
    pub fn fill(&mut self, command: &Command) {
        self.0 = *command;
    }

    /// The bytes to send.
    pub fn bytes(&self) -> &[u8] {
        zerocopy::IntoBytes::as_bytes(&self.0.words[..self.0.length])
    }
}

/// Scanouts that display info lists, and words that it has for each.
const SCANOUTS: usize = 16;
const SCANOUT_WORDS: usize = 6;
const RESPONSE_WORDS: usize = HEADER_WORDS + SCANOUTS * SCANOUT_WORDS;

/// Memory that the device writes an answer to.
#[derive(Clone, Copy)]
pub struct Response([u32; RESPONSE_WORDS]);

impl Response {
    /// No answer yet.
    pub const EMPTY: Self = Self([0; RESPONSE_WORDS]);

    /// The bytes to receive into.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        zerocopy::IntoBytes::as_mut_bytes(&mut self.0)
    }

    /// The response's type.
    pub fn kind(&self) -> u32 {
        self.0[0]
    }

    /// Whether the command was carried out.
    pub fn is_ok(&self) -> bool {
        [OK_NODATA, OK_DISPLAY_INFO].contains(&self.kind())
    }

    /// Where display info wants each scanout to be; those that are off are none.
    pub fn scanouts(&self) -> impl Iterator<Item = Option<Rect>> + '_ {
        let words = self.0.iter().skip(HEADER_WORDS).copied();
        let mut words = words.map(|word| word.min(i32::MAX as u32) as i32);
        core::iter::from_fn(move || {
            let [x, y, width, height, enabled, _flags] =
                [words.next()?, words.next()?, words.next()?, words.next()?, words.next()?, words.next()?];
            Some((enabled != 0).then(|| Rect::new(x, y, width, height)))
        })
    }
}

/// Resets the device and accepts those of the wanted features that it offers.
pub fn negotiate(transport: &mut impl Transport, wanted: u64) -> u64 {
    transport.set_status(DeviceStatus::empty());
    while transport.get_status() != DeviceStatus::empty() {
        core::hint::spin_loop();
    }
    transport.set_status(DeviceStatus::ACKNOWLEDGE | DeviceStatus::DRIVER);
    let features = transport.read_device_features() & wanted;
    transport.write_driver_features(features);
    transport.set_status(DeviceStatus::ACKNOWLEDGE | DeviceStatus::DRIVER | DeviceStatus::FEATURES_OK);
    features
}
