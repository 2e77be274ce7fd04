//! Sound card: queues, timer and life cycle.

use super::control;
use super::pcm_buffer::{IoMessage, PcmBuffer, PcmChunk};
use super::pcm_state::FRAME_LEN;
use super::wire::{
    Direction, PcmCommand, Request, STATUS_LEN, Status, TRANSFER_LEN, direction, transfer_status,
};
use crate::counters::DeviceCounters;
use crate::device::{ActivateError, Activation, VirtioDevice};
use crate::fields::{Fields, read_config_bytes};
use crate::queue::{Chain, DeviceQueue, RING_FEATURES};
use crate::timer::Timer;
use oriel_display::Sound;
use oriel_display::audio::RATE;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

const CONTROL_QUEUE: u16 = 0;
const EVENT_QUEUE: u16 = 1;
const TX_QUEUE: u16 = 2;
const RX_QUEUE: u16 = 3;
const QUEUE_SIZES: [u16; 4] = [64, 64, 64, 64];

/// `struct virtio_snd_config`: no jacks, two streams, no channel maps.
const CONFIG: [u32; 3] = [0, 2, 0];

/// Maximum number of chains processed of a queue before the event loop serves other devices.
const MAX_CHAINS: usize = 128;
/// Maximum length of the samples in one I/O message in bytes: 1.4 s. Linux sends 80 ms at most.
const MAX_SAMPLE_BYTES: usize = 256 << 10;
/// Minimum interval between two wake-ups, for any period length of the guest.
const MIN_WAIT: Duration = Duration::from_millis(1);
/// Maximum lateness of samples; later samples are not encoded.
const MAX_LATENESS: Duration = Duration::from_millis(500);

/// Latency reported to the guest in bytes, equivalent to 40 ms: a packet and the client's buffer. The guest's
/// players delay their pictures accordingly. Input has the same value.
const LATENCY_BYTES: u32 = RATE / 1000 * 40 * FRAME_LEN as u32;

/// Virtio-snd device, connected to a desktop's [`Sound`] (VIRTIO 1.2, section 5.14).
pub struct SoundCard {
    sound: Arc<Sound>,
    counters: Arc<DeviceCounters>,
    timer: Timer,
    output: PcmBuffer,
    input: PcmBuffer,
    active: Option<Active>,
}

/// Queues of an activated device.
struct Active {
    control: DeviceQueue,
    /// Event queue, unused: a device without jacks and features has no events.
    event: DeviceQueue,
    tx: DeviceQueue,
    rx: DeviceQueue,
}

impl SoundCard {
    /// Creates a sound card without a driver.
    ///
    /// # Errors
    /// When the host is out of file descriptors.
    pub fn new(sound: Arc<Sound>, counters: Arc<DeviceCounters>) -> io::Result<Self> {
        Ok(Self {
            sound,
            counters,
            timer: Timer::new()?,
            output: PcmBuffer::new(Direction::Output),
            input: PcmBuffer::new(Direction::Input),
            active: None,
        })
    }

    /// Moves the samples due at `now`, processes `queues`, and arms the timer for the next due time.
    pub(super) fn process(&mut self, now: Instant, queues: &[u16]) {
        self.advance(now);
        let mut more = false;
        for queue in queues {
            more |= match *queue {
                CONTROL_QUEUE => self.process_control_queue(now),
                TX_QUEUE => self.process_io_queue(Direction::Output, now),
                RX_QUEUE => self.process_io_queue(Direction::Input, now),
                _ => false,
            };
        }
        // A stream started or a message queued just now may be due at once.
        self.advance(now);
        if let Some(active) = &mut self.active {
            [&mut active.control, &mut active.tx, &mut active.rx].into_iter().for_each(DeviceQueue::signal);
        }
        let due = self.output.due().into_iter().chain(self.input.due()).min();
        let wait = due.map(|due| due.saturating_duration_since(now).max(MIN_WAIT));
        if let Some(wait) = if more { Some(Duration::ZERO) } else { wait } {
            self.timer.arm(wait);
        }
    }

    /// Moves the samples that are due, and completes their I/O messages.
    fn advance(&mut self, now: Instant) {
        let Some(active) = &mut self.active else { return };
        let sound = &self.sound;
        let underrun = self.output.advance(
            now,
            |chunk| play(sound, &chunk, now),
            |chain| complete_message(&mut active.tx, chain, Direction::Output, Status::Ok),
        );
        if underrun {
            sound.out.rest();
        }
        let overrun = self.input.advance(
            now,
            |chunk| record(sound, &chunk),
            |chain| complete_message(&mut active.rx, chain, Direction::Input, Status::Ok),
        );
        if underrun || overrun {
            self.counters.sound_underruns.add_one();
        }
    }

    /// Executes control requests; returns whether more may be left.
    fn process_control_queue(&mut self, now: Instant) -> bool {
        for _ in 0..MAX_CHAINS {
            let Some(chain) = self.active.as_mut().and_then(|active| active.control.pop()) else {
                return false;
            };
            let request = control::read(&chain);
            let outcome = request.map(|request| match request? {
                Request::EmptyInfo => Ok(Vec::new()),
                Request::PcmInfo { start, count } => Ok(control::pcm_infos(start, count)),
                Request::Pcm(direction, command) => {
                    self.handle_command(direction, command, now).map(|()| Vec::new())
                }
            });
            let Some(active) = &mut self.active else { return false };
            match outcome {
                Some(outcome) => {
                    if let Err(status) = outcome {
                        self.counters.sound_refused.add_one();
                        oriel_vmm_api::log_limited!(debug, ?status, "sound request refused");
                    }
                    let written = control::write_response(&chain, &outcome);
                    active.control.complete(chain, written);
                }
                None => active.control.complete_malformed(chain),
            }
        }
        true
    }

    /// Executes a command to a stream.
    fn handle_command(
        &mut self,
        direction: Direction,
        command: PcmCommand,
        now: Instant,
    ) -> Result<(), Status> {
        let Some(active) = &mut self.active else { return Err(Status::IoError) };
        let (buffer, queue) = match direction {
            Direction::Output => (&mut self.output, &mut active.tx),
            Direction::Input => (&mut self.input, &mut active.rx),
        };
        buffer.handle_command(command, now, |chain, moved| {
            if direction == Direction::Input {
                fill_silence(&chain, moved);
            }
            complete_message(queue, chain, direction, Status::Ok);
        })?;
        if direction == Direction::Output && command != PcmCommand::Start {
            self.sound.out.rest();
        }
        Ok(())
    }

    /// Queues I/O messages of one direction; returns whether more may be left.
    fn process_io_queue(&mut self, direction: Direction, now: Instant) -> bool {
        let Some(active) = &mut self.active else { return false };
        let (buffer, queue) = match direction {
            Direction::Output => (&mut self.output, &mut active.tx),
            Direction::Input => (&mut self.input, &mut active.rx),
        };
        for _ in 0..MAX_CHAINS {
            let Some(chain) = queue.pop() else { return false };
            if chain.writable_len() < STATUS_LEN {
                queue.complete_malformed(chain);
                continue;
            }
            // A well-behaved driver has no more chains in flight than its queue has descriptors.
            let takes = buffer.accepts_messages() && buffer.len() < usize::from(queue.size());
            match frames(&chain, direction).filter(|_| takes) {
                Some(frames) => buffer.push(IoMessage { chain, frames }, now),
                None => {
                    self.counters.sound_refused.add_one();
                    complete_message(queue, chain, direction, Status::IoError);
                }
            }
        }
        true
    }
}

/// Returns the number of frames in an I/O message; `None` if the message is invalid for the stream of
/// direction `expected`.
fn frames(chain: &Chain, expected: Direction) -> Option<u64> {
    let mut transfer = [0; TRANSFER_LEN];
    chain.read(0, &mut transfer).ok()?;
    if direction(Fields(&transfer).u32()?) != Some(expected) {
        return None;
    }
    let bytes = match expected {
        Direction::Output => chain.readable_len().checked_sub(TRANSFER_LEN)?,
        Direction::Input => chain.writable_len().checked_sub(STATUS_LEN)?,
    };
    let whole = bytes > 0 && bytes.is_multiple_of(FRAME_LEN) && bytes <= MAX_SAMPLE_BYTES;
    whole.then_some((bytes / FRAME_LEN) as u64)
}

/// Returns the length in bytes of `frames` frames.
fn bytes_of(frames: u64) -> usize {
    usize::try_from(frames).unwrap_or(usize::MAX).saturating_mul(FRAME_LEN)
}

/// Plays the samples of a chunk, unless they are too late.
fn play(sound: &Sound, chunk: &PcmChunk<'_>, now: Instant) {
    let Some(at) = chunk.at.filter(|at| now.saturating_duration_since(*at) < MAX_LATENESS) else { return };
    let mut bytes = vec![0; bytes_of(chunk.frames)];
    if chunk.chain.read(TRANSFER_LEN + bytes_of(chunk.offset), &mut bytes).is_ok() {
        let samples = bytes.as_chunks().0.iter().copied().map(i16::from_le_bytes);
        sound.out.play(&samples.collect::<Vec<i16>>(), at);
    }
}

/// Fills a chunk with recorded samples.
fn record(sound: &Sound, chunk: &PcmChunk<'_>) {
    let mut samples = vec![0; bytes_of(chunk.frames) / size_of::<i16>()];
    sound.input.read(&mut samples);
    let bytes: Vec<u8> = samples.into_iter().flat_map(i16::to_le_bytes).collect();
    // The chain's length was checked when it was queued.
    let _ = chunk.chain.write(bytes_of(chunk.offset), &bytes);
}

/// Fills an input message with silence from frame `from` on.
fn fill_silence(chain: &Chain, from: u64) {
    const ZEROES: [u8; 4096] = [0; 4096];
    let (mut at, end) = (bytes_of(from), chain.writable_len().saturating_sub(STATUS_LEN));
    while at < end {
        let Some(zeroes) = ZEROES.get(..ZEROES.len().min(end - at)) else { return };
        if chain.write(at, zeroes).is_err() {
            return;
        }
        at += zeroes.len();
    }
}

/// Completes an I/O message with its status.
fn complete_message(queue: &mut DeviceQueue, chain: Chain, direction: Direction, status: Status) {
    let end = match direction {
        Direction::Output => STATUS_LEN,
        Direction::Input => chain.writable_len(),
    };
    let latency = if status == Status::Ok { LATENCY_BYTES } else { 0 };
    let written = match chain.write(end - STATUS_LEN, &transfer_status(status, latency)) {
        // Of a refused input message only the status is valid. The used length cannot express that; Linux
        // goes by the length.
        Ok(()) if direction == Direction::Input && status == Status::Ok => end as u32,
        Ok(()) => STATUS_LEN as u32,
        Err(_) => 0,
    };
    queue.complete(chain, written);
}

impl VirtioDevice for SoundCard {
    fn device_id(&self) -> u16 {
        25
    }

    fn name(&self) -> &'static str {
        "sound"
    }

    fn pci_class(&self) -> u32 {
        0x04_01_00
    }

    fn features(&self) -> u64 {
        RING_FEATURES
    }

    fn queue_sizes(&self) -> &[u16] {
        &QUEUE_SIZES
    }

    fn read_config(&self, offset: u64, data: &mut [u8]) {
        read_config_bytes(CONFIG.map(u32::to_le_bytes).as_flattened(), offset, data);
    }

    fn activate(&mut self, mut activation: Activation) -> Result<(), ActivateError> {
        let mut take = |index| DeviceQueue::take(&mut activation, index, &self.counters);
        self.active = Some(Active {
            control: take(CONTROL_QUEUE)?,
            event: take(EVENT_QUEUE)?,
            tx: take(TX_QUEUE)?,
            rx: take(RX_QUEUE)?,
        });
        Ok(())
    }

    fn queue_notified(&mut self, index: u16) {
        self.process(Instant::now(), &[index]);
    }

    fn event_fds(&self) -> Vec<RawFd> {
        vec![self.timer.as_raw_fd()]
    }

    fn event(&mut self, _token: usize) {
        self.timer.drain();
        self.process(Instant::now(), &[CONTROL_QUEUE, TX_QUEUE, RX_QUEUE]);
    }

    fn reset(&mut self) {
        self.active = None;
        self.output = PcmBuffer::new(Direction::Output);
        self.input = PcmBuffer::new(Direction::Input);
        self.sound.out.rest();
    }

    fn needs_reset(&self) -> bool {
        self.active.as_ref().is_some_and(|active| {
            [&active.control, &active.event, &active.tx, &active.rx].into_iter().any(DeviceQueue::broken)
        })
    }
}
