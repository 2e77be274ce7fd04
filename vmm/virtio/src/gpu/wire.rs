//! Requests and responses of the control and cursor queues (VIRTIO 1.2, section 5.7.6), little-endian.

use crate::fields::Fields;
use oriel_wire::Rect;

/// Size of `struct virtio_gpu_ctrl_hdr` in bytes, the header of every request and response.
pub const HEADER_LEN: usize = 24;
/// Maximum size of a request in bytes, without backing entries.
pub const MAX_REQUEST_LEN: usize = HEADER_LEN + 72;
/// Size of `struct virtio_gpu_mem_entry` in bytes.
pub const ENTRY_LEN: usize = 16;
/// Number of scanouts in every display info response.
pub const MAX_SCANOUTS: usize = 16;
/// Size of the EDID field in its response in bytes.
const EDID_LEN: usize = 1024;

const FLAG_FENCE: u32 = 1 << 0;
const FLAG_INFO_RING_IDX: u32 = 1 << 1;

/// Blob memory type VIRTIO_GPU_BLOB_MEM_GUEST: the blob is in guest memory.
pub const BLOB_MEM_GUEST: u32 = 1;

/// Header of a request (`struct virtio_gpu_ctrl_hdr`).
#[derive(Debug, Clone, Copy, Default)]
pub struct Header {
    /// Command number, VIRTIO_GPU_CMD_*.
    pub kind: u32,
    flags: u32,
    fence_id: u64,
    ctx_id: u32,
    ring_idx: u8,
}

impl Header {
    /// Whether the request is fenced, so that its response reports completion.
    pub fn fenced(&self) -> bool {
        self.flags & FLAG_FENCE != 0
    }

    /// Parses the header.
    fn parse(fields: &mut Fields<'_>) -> Option<Self> {
        let header = Self {
            kind: fields.u32()?,
            flags: fields.u32()?,
            fence_id: fields.u64()?,
            ctx_id: fields.u32()?,
            ring_idx: fields.bytes::<1>()?[0],
        };
        fields.bytes::<3>()?;
        Some(header)
    }

    /// Encodes the header of the response with number `kind`.
    fn response(&self, kind: u32) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_LEN);
        bytes.extend(kind.to_le_bytes());
        bytes.extend((self.flags & (FLAG_FENCE | FLAG_INFO_RING_IDX)).to_le_bytes());
        bytes.extend(self.fence_id.to_le_bytes());
        bytes.extend(self.ctx_id.to_le_bytes());
        bytes.extend([self.ring_idx, 0, 0, 0]);
        bytes
    }
}

/// Request on the control queue; each variant is a supported VIRTIO_GPU_CMD_*.
#[derive(Debug, Clone, Copy)]
pub enum Command {
    /// Query of the preferred rectangles of all scanouts.
    GetDisplayInfo,
    /// Query of a scanout's EDID.
    GetEdid { scanout: u32 },
    /// Creation of a 2D resource of `width` by `height` pixels in a VIRTIO_GPU_FORMAT_* format.
    ResourceCreate2d { resource: u32, format: u32, width: u32, height: u32 },
    /// Creation of a blob of `size` bytes in a VIRTIO_GPU_BLOB_MEM_* memory. The request has `entries`
    /// backing entries at byte `entries_at`.
    ResourceCreateBlob { resource: u32, memory: u32, size: u64, entries: u32, entries_at: usize },
    /// Destruction of a resource.
    ResourceUnref { resource: u32 },
    /// Attachment of guest memory to a 2D resource: `entries` backing entries at byte `entries_at`.
    ResourceAttachBacking { resource: u32, entries: u32, entries_at: usize },
    /// Detachment of a resource's guest memory.
    ResourceDetachBacking { resource: u32 },
    /// Copy of `rect` from byte `offset` of the backing to the host.
    TransferToHost2d { resource: u32, rect: Rect, offset: u64 },
    /// Report of changed pixels in `rect`.
    ResourceFlush { resource: u32, rect: Rect },
    /// Display of `rect` of a 2D resource on a scanout; resource 0 disables the scanout.
    SetScanout { scanout: u32, resource: u32, rect: Rect },
    /// Display of `rect` of a blob with a framebuffer `layout` on a scanout; resource 0 disables the scanout.
    SetScanoutBlob { scanout: u32, resource: u32, rect: Rect, layout: BlobLayout },
}

/// Layout of a framebuffer in a blob (SET_SCANOUT_BLOB).
#[derive(Debug, Clone, Copy)]
pub struct BlobLayout {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Pixel format, VIRTIO_GPU_FORMAT_*.
    pub format: u32,
    /// Distance between the starts of two rows in bytes.
    pub stride: u32,
    /// Byte offset of the first row.
    pub offset: u32,
}

/// Request on the cursor queue, `struct virtio_gpu_update_cursor`.
#[derive(Debug, Clone, Copy)]
pub struct CursorCommand {
    /// New cursor image of an UPDATE_CURSOR (resource 0 hides the cursor); `None` for a MOVE_CURSOR.
    pub image: Option<CursorImageRef>,
    /// Number of the scanout.
    pub scanout: u32,
    /// Left edge of the cursor image in pixels, possibly beyond the screen's edge.
    pub x: i32,
    /// Upper edge of the cursor image in pixels, possibly beyond the screen's edge.
    pub y: i32,
}

/// Reference to the cursor image of an UPDATE_CURSOR.
#[derive(Debug, Clone, Copy)]
pub struct CursorImageRef {
    /// ID of the resource with the image.
    pub resource: u32,
    /// Distance of the hotspot from the left edge in pixels.
    pub hot_x: u32,
    /// Distance of the hotspot from the upper edge in pixels.
    pub hot_y: u32,
}

/// Error response to a request, VIRTIO_GPU_RESP_ERR_*.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GpuError {
    /// The request is malformed, unknown or impossible in the resource's state.
    Unspecified = 0x1200,
    /// A limit on resources would be exceeded.
    OutOfMemory = 0x1201,
    /// The scanout does not exist.
    InvalidScanout = 0x1202,
    /// The resource does not exist, or its ID is in use.
    InvalidResource = 0x1203,
    /// A number in the request is out of range.
    InvalidParameter = 0x1205,
}

/// Successful response to a request, VIRTIO_GPU_RESP_OK_*.
#[derive(Debug)]
pub enum Response {
    /// Empty response (OK_NODATA).
    NoData,
    /// Preferred rectangle of each scanout, empty for a disconnected one (OK_DISPLAY_INFO).
    DisplayInfo(Vec<Rect>),
    /// EDID of a scanout (OK_EDID).
    Edid(Vec<u8>),
}

/// Parses the header of a request on either queue; `None` if the request is too short.
pub fn parse_header(request: &[u8]) -> Option<Header> {
    Header::parse(&mut Fields(request))
}

impl Command {
    /// Parses a control request, which begins with `header`.
    ///
    /// # Errors
    /// When the request is too short or its command unknown.
    pub fn parse(header: &Header, request: &[u8]) -> Result<Self, GpuError> {
        let mut body = Fields(request.get(HEADER_LEN..).unwrap_or_default());
        Self::parse_body(header.kind, &mut body).unwrap_or(Err(GpuError::InvalidParameter))
    }

    /// Parses the body of a request. Returns `None` when the request is too short, `Err` when its command is
    /// unknown.
    fn parse_body(kind: u32, body: &mut Fields<'_>) -> Option<Result<Self, GpuError>> {
        Some(Ok(match kind {
            0x0100 => Self::GetDisplayInfo,
            0x0101 => Self::ResourceCreate2d {
                resource: body.u32()?,
                format: body.u32()?,
                width: body.u32()?,
                height: body.u32()?,
            },
            0x0102 => Self::ResourceUnref { resource: body.u32()? },
            0x0103 => {
                let rect = parse_rect(body)?;
                Self::SetScanout { rect, scanout: body.u32()?, resource: body.u32()? }
            }
            0x0104 => {
                let rect = parse_rect(body)?;
                Self::ResourceFlush { rect, resource: body.u32()? }
            }
            0x0105 => {
                let rect = parse_rect(body)?;
                Self::TransferToHost2d { rect, offset: body.u64()?, resource: body.u32()? }
            }
            0x0106 => Self::ResourceAttachBacking {
                resource: body.u32()?,
                entries: body.u32()?,
                entries_at: HEADER_LEN + 8,
            },
            0x0107 => Self::ResourceDetachBacking { resource: body.u32()? },
            0x010A => Self::GetEdid { scanout: body.u32()? },
            0x010C => {
                let resource = body.u32()?;
                let memory = body.u32()?;
                let _flags = body.u32()?;
                let entries = body.u32()?;
                let _blob_id = body.u64()?;
                let size = body.u64()?;
                Self::ResourceCreateBlob { resource, memory, size, entries, entries_at: HEADER_LEN + 32 }
            }
            0x010D => {
                let rect = parse_rect(body)?;
                let scanout = body.u32()?;
                let resource = body.u32()?;
                let (width, height, format) = (body.u32()?, body.u32()?, body.u32()?);
                let _padding = body.u32()?;
                let [stride, _, _, _] = [body.u32()?, body.u32()?, body.u32()?, body.u32()?];
                let [offset, _, _, _] = [body.u32()?, body.u32()?, body.u32()?, body.u32()?];
                let layout = BlobLayout { width, height, format, stride, offset };
                Self::SetScanoutBlob { scanout, resource, rect, layout }
            }
            _ => return Some(Err(GpuError::Unspecified)),
        }))
    }
}

impl CursorCommand {
    /// Parses a cursor request, which begins with `header`; `None` if it is too short or unknown.
    pub fn parse(header: &Header, request: &[u8]) -> Option<Self> {
        let mut body = Fields(request.get(HEADER_LEN..)?);
        let scanout = body.u32()?;
        let [x, y] = [body.u32()?.cast_signed(), body.u32()?.cast_signed()];
        let _padding = body.u32()?;
        let image = CursorImageRef { resource: body.u32()?, hot_x: body.u32()?, hot_y: body.u32()? };
        match header.kind {
            0x0300 => Some(Self { image: Some(image), scanout, x, y }),
            0x0301 => Some(Self { image: None, scanout, x, y }),
            _ => None,
        }
    }
}

/// Parses a rectangle (`struct virtio_gpu_rect`).
fn parse_rect(fields: &mut Fields<'_>) -> Option<Rect> {
    Some(Rect::new(fields.u32()?, fields.u32()?, fields.u32()?, fields.u32()?))
}

/// Encodes the response to the request with the header `header`.
pub fn encode_response(header: &Header, outcome: &Result<Response, GpuError>) -> Vec<u8> {
    match outcome {
        Ok(Response::NoData) => header.response(0x1100),
        Ok(Response::DisplayInfo(rects)) => {
            let mut bytes = header.response(0x1101);
            for i in 0..MAX_SCANOUTS {
                let rect = rects.get(i).copied().unwrap_or_default();
                let enabled = u32::from(!rect.is_empty());
                for field in [rect.x, rect.y, rect.width, rect.height, enabled, 0] {
                    bytes.extend(field.to_le_bytes());
                }
            }
            bytes
        }
        Ok(Response::Edid(edid)) => {
            let mut bytes = header.response(0x1104);
            bytes.extend((edid.len() as u32).to_le_bytes());
            bytes.extend(0u32.to_le_bytes());
            let end = bytes.len() + EDID_LEN;
            bytes.extend(edid);
            bytes.resize(end, 0);
            bytes
        }
        Err(error) => header.response(*error as u32),
    }
}
