//! What goes over the control and cursor queues (virtio 1.2, section 5.7.6), little-endian.

use crate::fields::Fields;
use oriel_wire::Rect;

/// Bytes of `virtio_gpu_ctrl_hdr`, in front of every request and response.
pub const HEADER_LEN: usize = 24;
/// Bytes of the longest request, backing entries aside.
pub const MAX_REQUEST_LEN: usize = HEADER_LEN + 72;
/// Bytes of `virtio_gpu_mem_entry`.
pub const ENTRY_LEN: usize = 16;
/// Scanouts that a display-info response always lists.
pub const MAX_SCANOUTS: usize = 16;
/// Room for an EDID in its response.
const EDID_LEN: usize = 1024;

const FLAG_FENCE: u32 = 1 << 0;
const FLAG_INFO_RING_IDX: u32 = 1 << 1;

/// Guest pages as a blob's memory.
pub const BLOB_MEM_GUEST: u32 = 1;

/// `virtio_gpu_ctrl_hdr`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Header {
    /// VIRTIO_GPU_CMD_*.
    pub kind: u32,
    flags: u32,
    fence_id: u64,
    ctx_id: u32,
    ring_idx: u8,
}

impl Header {
    /// Whether the driver waits for the answer behind a fence.
    pub fn fenced(&self) -> bool {
        self.flags & FLAG_FENCE != 0
    }

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

/// A request on the control queue.
#[derive(Debug, Clone, Copy)]
pub enum Command {
    GetDisplayInfo,
    GetEdid {
        scanout: u32,
    },
    ResourceCreate2d {
        resource: u32,
        format: u32,
        width: u32,
        height: u32,
    },
    /// `entries` backing entries follow the request's fixed part of `entries_at` bytes.
    ResourceCreateBlob {
        resource: u32,
        memory: u32,
        size: u64,
        entries: u32,
        entries_at: usize,
    },
    ResourceUnref {
        resource: u32,
    },
    ResourceAttachBacking {
        resource: u32,
        entries: u32,
        entries_at: usize,
    },
    ResourceDetachBacking {
        resource: u32,
    },
    TransferToHost2d {
        resource: u32,
        rect: Rect,
        offset: u64,
    },
    ResourceFlush {
        resource: u32,
        rect: Rect,
    },
    SetScanout {
        scanout: u32,
        resource: u32,
        rect: Rect,
    },
    SetScanoutBlob {
        scanout: u32,
        resource: u32,
        rect: Rect,
        layout: BlobLayout,
    },
}

/// How a blob's bytes make a picture.
#[derive(Debug, Clone, Copy)]
pub struct BlobLayout {
    pub width: u32,
    pub height: u32,
    pub format: u32,
    pub stride: u32,
    pub offset: u32,
}

/// A request on the cursor queue.
#[derive(Debug, Clone, Copy)]
pub struct CursorCommand {
    /// With a new picture (resource 0: none), or only a new place.
    pub image: Option<CursorImageRef>,
    pub scanout: u32,
    /// Of the picture's top left corner, which may lie beyond the screen's left and top edges.
    pub x: i32,
    pub y: i32,
}

/// The picture of an UPDATE_CURSOR.
#[derive(Debug, Clone, Copy)]
pub struct CursorImageRef {
    pub resource: u32,
    pub hot_x: u32,
    pub hot_y: u32,
}

/// Why a request was answered with an error (VIRTIO_GPU_RESP_ERR_*).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GpuError {
    Unspecified = 0x1200,
    OutOfMemory = 0x1201,
    InvalidScanout = 0x1202,
    InvalidResource = 0x1203,
    InvalidParameter = 0x1205,
}

/// What a request is answered with.
#[derive(Debug)]
pub enum Response {
    NoData,
    /// Where each scanout is to lie; empty where it is off.
    DisplayInfo(Vec<Rect>),
    Edid(Vec<u8>),
}

/// Reads the header of either queue's request.
pub fn parse_header(request: &[u8]) -> Option<Header> {
    Header::parse(&mut Fields(request))
}

impl Command {
    /// Reads a control request, header included.
    pub fn parse(header: &Header, request: &[u8]) -> Result<Self, GpuError> {
        let mut body = Fields(request.get(HEADER_LEN..).unwrap_or_default());
        Self::parse_body(header.kind, &mut body).unwrap_or(Err(GpuError::InvalidParameter))
    }

    /// `None` when the request is too short, `Err` when its command is unknown.
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
    /// Reads a cursor request, header included; `None` if it is short or unknown.
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

fn parse_rect(fields: &mut Fields<'_>) -> Option<Rect> {
    Some(Rect::new(fields.u32()?, fields.u32()?, fields.u32()?, fields.u32()?))
}

/// The bytes of the answer to the request with this header.
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
