//! What the commands do.

use super::backing::Backing;
use super::blob::{Blob, BlobView};
use super::cursor;
use super::edid;
use super::picture::{PictureView, contains};
use super::resources::{Resource, Resources};
use super::scanout::Scanout;
use super::wire::{
    BLOB_MEM_GUEST, BlobLayout, Command, CursorCommand, CursorPicture, Header, LONGEST_REQUEST, Refusal,
    Response, answer, parse_header,
};
use crate::counters::Counters;
use crate::device::GuestRam;
use crate::queue::Chain;
use oriel_display::{MonitorConfig, Monitors, PixelSource, Rect, Size};
use std::sync::Arc;

/// What the EDID of a scanout without a monitor says.
const UNPLUGGED: Size = Size::new(1280, 800);

/// Everything a guest can build up: a reset drops the resources and darkens the scanouts.
pub struct Graphics {
    monitors: Arc<Monitors>,
    pub scanouts: Vec<Scanout>,
    resources: Resources,
    counters: Arc<Counters>,
}

/// An answered control command.
pub struct Answer {
    pub bytes: Vec<u8>,
    /// It was a flush that the guest waits for.
    pub paces_guest: bool,
}

impl Graphics {
    /// No resources yet, and a scanout for every screen of `monitors`, of which the first is to be like `first`.
    pub fn new(monitors: Arc<Monitors>, first: MonitorConfig, counters: Arc<Counters>) -> Self {
        let preferred = std::iter::once(Some(first)).chain(std::iter::repeat(None));
        let scanouts = monitors.screens().iter().zip(preferred);
        let scanouts = scanouts.map(|(screen, preferred)| Scanout::new(screen.clone(), preferred)).collect();
        Self { monitors, scanouts, resources: Resources::default(), counters }
    }

    /// Forgets what the guest built.
    pub fn reset(&mut self) {
        self.scanouts.iter_mut().for_each(Scanout::reset);
        self.tell_parts();
        self.resources = Resources::default();
    }

    /// Does what a control chain asks; `None` if it holds no header to answer to.
    pub fn control(&mut self, memory: &GuestRam, chain: &Chain) -> Option<Answer> {
        let mut room = [0; LONGEST_REQUEST];
        let request = read_request(chain, &mut room)?;
        let header = parse_header(request)?;
        let command = Command::parse(&header, request);
        let paces_guest = header.fenced() && matches!(command, Ok(Command::ResourceFlush { .. }));
        let outcome = command.and_then(|command| self.execute(memory, chain, command));
        if let Err(refusal) = &outcome {
            self.refused(&header, *refusal);
        }
        Some(Answer { bytes: answer(&header, &outcome), paces_guest })
    }

    /// Does what a cursor chain asks; the answer is for drivers that want one.
    pub fn cursor(&mut self, chain: &Chain) -> Option<Vec<u8>> {
        let mut room = [0; LONGEST_REQUEST];
        let request = read_request(chain, &mut room)?;
        let header = parse_header(request)?;
        let outcome = match CursorCommand::parse(&header, request) {
            Some(command) => self.point(command).map(|()| Response::NoData),
            None => Err(Refusal::Unspecified),
        };
        if let Err(refusal) = &outcome {
            self.refused(&header, *refusal);
        }
        Some(answer(&header, &outcome))
    }

    fn refused(&self, header: &Header, refusal: Refusal) {
        self.counters.gpu_refused_commands.add_one();
        tracing::debug!(command = header.kind, ?refusal, "graphics command refused");
    }

    fn execute(&mut self, memory: &GuestRam, chain: &Chain, command: Command) -> Result<Response, Refusal> {
        match command {
            Command::GetDisplayInfo => {
                let rects = self.scanouts.iter().map(|s| s.preferred.and_then(|one| one.rect()));
                return Ok(Response::DisplayInfo(rects.map(Option::unwrap_or_default).collect()));
            }
            Command::GetEdid { scanout } => {
                // Linux asks for that of every scanout, and complains of any other answer.
                let preferred = self.scanout(scanout)?.preferred;
                return Ok(Response::Edid(edid::edid(
                    &preferred.unwrap_or_else(|| MonitorConfig::of(UNPLUGGED)),
                )));
            }
            Command::ResourceCreate2d { resource, format, width, height } => {
                self.resources.create_picture(resource, format, Size::new(width, height))?;
            }
            Command::ResourceCreateBlob { resource, memory: kind, size, entries, entries_at } => {
                if kind != BLOB_MEM_GUEST {
                    return Err(Refusal::InvalidParameter);
                }
                let backing = Backing::parse(memory, chain, entries_at, entries)?;
                self.resources.create_blob(resource, Blob::new(memory.clone(), backing, size)?)?;
            }
            Command::ResourceUnref { resource } => {
                self.resources.remove(resource)?;
                self.scanouts.iter_mut().filter(|s| s.shows(resource)).for_each(Scanout::darken);
                self.tell_parts();
            }
            Command::ResourceAttachBacking { resource, entries, entries_at } => {
                let backing = Backing::parse(memory, chain, entries_at, entries)?;
                self.resources.attach(resource, backing)?;
            }
            Command::ResourceDetachBacking { resource } => self.resources.detach(resource)?,
            Command::TransferToHost2d { resource, rect, offset } => {
                match self.resources.get(resource)? {
                    // Linux asks for it all the same; what it drew is already where it is read.
                    Resource::Blob(_) => {}
                    Resource::Picture { picture, backing } => {
                        let backing = backing.as_ref().ok_or(Refusal::Unspecified)?;
                        picture.transfer(memory, backing, rect, offset)?;
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

    fn scanout(&mut self, index: u32) -> Result<&mut Scanout, Refusal> {
        let index = usize::try_from(index).map_err(|_| Refusal::InvalidScanout)?;
        self.scanouts.get_mut(index).ok_or(Refusal::InvalidScanout)
    }

    fn flush(&mut self, resource: u32, rect: Rect) -> Result<(), Refusal> {
        if let Resource::Picture { picture, .. } = self.resources.get(resource)?
            && !contains(picture.size, rect)
        {
            return Err(Refusal::InvalidParameter);
        }
        self.scanouts.iter().for_each(|scanout| scanout.flush(resource, rect));
        Ok(())
    }

    /// SET_SCANOUT, or SET_SCANOUT_BLOB where a layout comes with it. Resource 0 darkens.
    fn set_scanout(
        &mut self,
        scanout: u32,
        resource: u32,
        rect: Rect,
        layout: Option<BlobLayout>,
    ) -> Result<(), Refusal> {
        if resource == 0 {
            self.scanout(scanout)?.darken();
            self.tell_parts();
            return Ok(());
        }
        let source: Arc<dyn PixelSource> = match (self.resources.get(resource)?, layout) {
            (Resource::Picture { picture, .. }, None) => Arc::new(PictureView::new(picture.clone(), rect)?),
            (Resource::Blob(blob), Some(layout)) => Arc::new(BlobView::new(blob.clone(), rect, layout)?),
            _ => return Err(Refusal::InvalidResource),
        };
        self.scanout(scanout)?.show(resource, rect, source);
        self.tell_parts();
        Ok(())
    }

    /// Guests that draw one picture for several scanouts (X does) say by that where they lie.
    fn tell_parts(&self) {
        let parts: Vec<_> = self.scanouts.iter().map(Scanout::part).collect();
        let shared = |one: u32| parts.iter().flatten().filter(|(other, _)| *other == one).count() > 1;
        self.monitors.set_scanout_offsets(
            parts.iter().map(|part| part.filter(|part| shared(part.0)).map(|part| part.1)),
        );
    }

    fn point(&mut self, command: CursorCommand) -> Result<(), Refusal> {
        let CursorCommand { picture, scanout, x, y } = command;
        if let Some(CursorPicture { resource, hot_x, hot_y }) = picture {
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

/// The fixed part of a request.
fn read_request<'a>(chain: &Chain, room: &'a mut [u8]) -> Option<&'a [u8]> {
    let len = chain.readable_len().min(room.len());
    let request = room.get_mut(..len)?;
    chain.read(0, request).ok()?;
    Some(request)
}
