//! Execution of control and cursor commands (VIRTIO 1.2, sections 5.7.6.7 to 5.7.6.10).

use super::backing::Backing;
use super::blob::{Blob, BlobView};
use super::bounds::contains;
use super::cursor;
use super::edid;
use super::resource_2d::Resource2dView;
use super::resources::{Resource, Resources};
use super::scanout::Scanout;
use super::wire::{
    BLOB_MEM_GUEST, BlobLayout, Command, CursorCommand, CursorImageRef, GpuError, Header, MAX_REQUEST_LEN,
    Response, encode_response, parse_header,
};
use crate::counters::DeviceCounters;
use crate::device::GuestRam;
use crate::queue::Chain;
use oriel_display::{Monitors, PixelSource};
use oriel_wire::{MonitorConfig, Rect, Size};
use std::sync::Arc;

/// Preferred mode in the EDID of a scanout without a monitor.
const DEFAULT_SIZE: Size = Size::new(1280, 800);

/// Executor of commands, with the resources and scanouts that the guest has set up.
pub struct CommandHandler {
    monitors: Arc<Monitors>,
    /// Scanouts by number; each belongs to a screen.
    pub scanouts: Vec<Scanout>,
    resources: Resources,
    counters: Arc<DeviceCounters>,
}

/// Response to a control command.
pub struct EncodedResponse {
    /// Response header and payload as sent to the driver.
    pub bytes: Vec<u8>,
    /// Whether the command was a fenced RESOURCE_FLUSH, whose response limits the guest's frame rate.
    pub is_paced_flush: bool,
}

impl CommandHandler {
    /// Creates a handler without resources, with a scanout for every screen of `monitors`. The display info
    /// has one monitor with the configuration `first`.
    pub fn new(monitors: Arc<Monitors>, first: MonitorConfig, counters: Arc<DeviceCounters>) -> Self {
        let preferred = std::iter::once(Some(first)).chain(std::iter::repeat(None));
        let scanouts = monitors.screens().iter().zip(preferred);
        let scanouts = scanouts.map(|(screen, preferred)| Scanout::new(screen.clone(), preferred)).collect();
        Self { monitors, scanouts, resources: Resources::default(), counters }
    }

    /// Drops all resources and disables all scanouts.
    pub fn reset(&mut self) {
        self.scanouts.iter_mut().for_each(Scanout::reset);
        self.publish_layout();
        self.resources = Resources::default();
    }

    /// Executes the control command in `chain`; `None` if the chain has no whole header.
    pub fn control(&mut self, memory: &GuestRam, chain: &Chain) -> Option<EncodedResponse> {
        let mut buffer = [0; MAX_REQUEST_LEN];
        let request = read_request(chain, &mut buffer)?;
        let header = parse_header(request)?;
        let command = Command::parse(&header, request);
        let is_paced_flush = header.fenced() && matches!(command, Ok(Command::ResourceFlush { .. }));
        let outcome = command.and_then(|command| self.execute(memory, chain, command));
        if let Err(error) = &outcome {
            self.record_error(&header, *error);
        }
        Some(EncodedResponse { bytes: encode_response(&header, &outcome), is_paced_flush })
    }

    /// Executes the cursor command in `chain`; `None` if the chain has no whole header.
    pub fn cursor(&mut self, chain: &Chain) -> Option<Vec<u8>> {
        let mut buffer = [0; MAX_REQUEST_LEN];
        let request = read_request(chain, &mut buffer)?;
        let header = parse_header(request)?;
        let outcome = match CursorCommand::parse(&header, request) {
            Some(command) => self.update_cursor(command).map(|()| Response::NoData),
            None => Err(GpuError::Unspecified),
        };
        if let Err(error) = &outcome {
            self.record_error(&header, *error);
        }
        Some(encode_response(&header, &outcome))
    }

    /// Logs and counts a command that was answered with an error.
    fn record_error(&self, header: &Header, error: GpuError) {
        self.counters.gpu_refused_commands.add_one();
        oriel_vmm_api::log_limited!(debug, command = header.kind, ?error, "graphics command refused");
    }

    /// Executes a control command.
    fn execute(&mut self, memory: &GuestRam, chain: &Chain, command: Command) -> Result<Response, GpuError> {
        match command {
            Command::GetDisplayInfo => {
                let rects = self.scanouts.iter().map(|s| s.preferred.and_then(|one| one.rect()));
                return Ok(Response::DisplayInfo(rects.map(Option::unwrap_or_default).collect()));
            }
            Command::GetEdid { scanout } => {
                // Linux requests the EDID of every scanout, and logs an error for any other response.
                let preferred = self.scanout(scanout)?.preferred;
                return Ok(Response::Edid(edid::edid(
                    &preferred.unwrap_or_else(|| MonitorConfig::of(DEFAULT_SIZE)),
                )));
            }
            Command::ResourceCreate2d { resource, format, width, height } => {
                self.resources.create_2d(resource, format, Size::new(width, height))?;
            }
            Command::ResourceCreateBlob { resource, memory: kind, size, entries, entries_at } => {
                if kind != BLOB_MEM_GUEST {
                    return Err(GpuError::InvalidParameter);
                }
                let backing = Backing::parse(memory, chain, entries_at, entries)?;
                self.resources.create_blob(resource, Blob::new(memory.clone(), backing, size)?)?;
            }
            Command::ResourceUnref { resource } => {
                self.resources.remove(resource)?;
                self.scanouts.iter_mut().filter(|s| s.is_showing(resource)).for_each(Scanout::disable);
                self.publish_layout();
            }
            Command::ResourceAttachBacking { resource, entries, entries_at } => {
                let backing = Backing::parse(memory, chain, entries_at, entries)?;
                self.resources.attach(resource, backing)?;
            }
            Command::ResourceDetachBacking { resource } => self.resources.detach(resource)?,
            Command::TransferToHost2d { resource, rect, offset } => {
                match self.resources.get(resource)? {
                    // Linux also sends transfers of blobs, whose pixels need no copy.
                    Resource::Blob(_) => {}
                    Resource::TwoD { image, backing } => {
                        let backing = backing.as_ref().ok_or(GpuError::Unspecified)?;
                        image.transfer(memory, backing, rect, offset)?;
                    }
                }
            }
            Command::ResourceFlush { resource, rect } => self.flush(resource, rect)?,
            Command::SetScanout { scanout, resource, rect } => {
                self.set_scanout(scanout, resource, rect, None)?;
            }
            Command::SetScanoutBlob { scanout, resource, rect, layout } => {
                self.set_scanout(scanout, resource, rect, Some(layout))?;
            }
        }
        Ok(Response::NoData)
    }

    /// Returns the scanout with number `index`.
    fn scanout(&mut self, index: u32) -> Result<&mut Scanout, GpuError> {
        let index = usize::try_from(index).map_err(|_| GpuError::InvalidScanout)?;
        self.scanouts.get_mut(index).ok_or(GpuError::InvalidScanout)
    }

    /// Executes RESOURCE_FLUSH.
    fn flush(&mut self, resource: u32, rect: Rect) -> Result<(), GpuError> {
        if let Resource::TwoD { image, .. } = self.resources.get(resource)?
            && !contains(image.size, rect)
        {
            return Err(GpuError::InvalidParameter);
        }
        self.scanouts.iter().for_each(|scanout| scanout.flush(resource, rect));
        Ok(())
    }

    /// Executes SET_SCANOUT, or SET_SCANOUT_BLOB with a `layout`. Resource 0 disables the scanout.
    fn set_scanout(
        &mut self,
        scanout: u32,
        resource: u32,
        rect: Rect,
        layout: Option<BlobLayout>,
    ) -> Result<(), GpuError> {
        if resource == 0 {
            self.scanout(scanout)?.disable();
            self.publish_layout();
            return Ok(());
        }
        let source: Arc<dyn PixelSource> = match (self.resources.get(resource)?, layout) {
            (Resource::TwoD { image, .. }, None) => Arc::new(Resource2dView::new(image.clone(), rect)?),
            (Resource::Blob(blob), Some(layout)) => Arc::new(BlobView::new(blob.clone(), rect, layout)?),
            _ => return Err(GpuError::InvalidResource),
        };
        self.scanout(scanout)?.show(resource, rect, source);
        self.publish_layout();
        Ok(())
    }

    /// Reports to the monitors which scanouts display parts of one resource, as X draws, and at which
    /// offsets.
    fn publish_layout(&self) {
        let positions: Vec<_> = self.scanouts.iter().map(Scanout::position).collect();
        let shared = |one: u32| positions.iter().flatten().filter(|(other, _)| *other == one).count() > 1;
        self.monitors.set_scanout_offsets(
            positions
                .iter()
                .map(|position| position.filter(|position| shared(position.0)).map(|position| position.1)),
        );
    }

    /// Executes a cursor command.
    fn update_cursor(&mut self, command: CursorCommand) -> Result<(), GpuError> {
        let CursorCommand { image, scanout, x, y } = command;
        if let Some(CursorImageRef { resource, hot_x, hot_y }) = image {
            let image = match resource {
                0 => None,
                _ => Some(cursor::image(self.resources.get(resource)?, hot_x, hot_y)?),
            };
            self.scanout(scanout)?.set_cursor(image);
        }
        self.scanout(scanout)?.move_cursor(x, y);
        Ok(())
    }
}

/// Reads the fixed-size part of a request.
fn read_request<'a>(chain: &Chain, buffer: &'a mut [u8]) -> Option<&'a [u8]> {
    let len = chain.readable_len().min(buffer.len());
    let request = buffer.get_mut(..len)?;
    chain.read(0, request).ok()?;
    Some(request)
}
