import type { AudioPacket } from '../protocol/server-messages';
import { type PcmBlock, type PlayerReport, RATE } from '../worklet/messages';
import type { AudioStats } from './messages';

const CONFIG: AudioDecoderConfig = { codec: 'opus', sampleRate: RATE, numberOfChannels: 2 };
/** Duration of a packet in microseconds. */
const PACKET_US = 10_000;
/** Queue length of a decoder that does not keep up; further packets are dropped. */
const MAX_DECODE_QUEUE = 20;

/** Decoder of the guest's audio: Opus packets become blocks of samples for the audio thread. */
export class Speaker {
  #decoder: AudioDecoder | null = null;
  #samplePort: MessagePort | null = null;
  #nextSequence: number | null = null;
  #nextUs: bigint | null = null;
  /** Timestamps of packets that follow a pause, in microseconds. */
  readonly #discontinuities = new Set<number>();
  #packets = 0;
  #missing = 0;
  #report: PlayerReport = { bufferMs: 0, underruns: 0 };

  /** Sets the port of the audio thread, which receives samples and reports its buffer. */
  attach(samplePort: MessagePort): void {
    this.#samplePort = samplePort;
    samplePort.onmessage = ({ data }: MessageEvent<PlayerReport>) => {
      this.#report = data;
    };
  }

  /** Decodes a packet. Gaps in the sequence count as dropped by the server; gaps in time as pauses of the guest. */
  play({ sequence, timeUs, opus }: AudioPacket): void {
    this.#packets += 1;
    const dropped = this.#nextSequence === null ? 0 : (sequence - this.#nextSequence) >>> 0;
    this.#missing += dropped;
    const continuous = this.#nextUs !== null && timeUs - this.#nextUs < PACKET_US * (dropped + 1);
    this.#nextSequence = (sequence + 1) >>> 0;
    this.#nextUs = timeUs + BigInt(PACKET_US);
    const decoder = this.#ready();
    if (decoder === null || decoder.decodeQueueSize > MAX_DECODE_QUEUE) {
      return;
    }
    const timestamp = Number(timeUs);
    if (!continuous) {
      this.#discontinuities.add(timestamp);
    }
    decoder.decode(new EncodedAudioChunk({ type: 'key', timestamp, duration: PACKET_US, data: opus }));
  }

  /** Resets sequence, time and statistics: the next packet belongs to another connection. */
  interrupt(): void {
    this.#nextSequence = null;
    this.#nextUs = null;
    this.#packets = 0;
    this.#missing = 0;
  }

  /** Returns the statistics of playback. */
  stats(): AudioStats {
    return { packets: this.#packets, missing: this.#missing, ...this.#report };
  }

  /** Closes the decoder. */
  close(): void {
    if (this.#decoder?.state === 'configured') {
      this.#decoder.close();
    }
    this.#decoder = null;
    this.#discontinuities.clear();
  }

  /**
   * Returns a configured decoder, a new one after a failure: Opus packets need no earlier key packet. `null` without
   * a port.
   */
  #ready(): AudioDecoder | null {
    if (this.#samplePort === null) {
      return null;
    }
    if (this.#decoder?.state !== 'configured') {
      this.close();
      this.#decoder = new AudioDecoder({ output: (data) => this.#deliver(data), error: () => undefined });
      this.#decoder.configure(CONFIG);
    }
    return this.#decoder;
  }

  #deliver(data: AudioData): void {
    const frames = data.numberOfFrames;
    const samples = new Float32Array(frames * 2);
    for (const planeIndex of [0, 1]) {
      const side = samples.subarray(planeIndex * frames, (planeIndex + 1) * frames);
      data.copyTo(side, { planeIndex: Math.min(planeIndex, data.numberOfChannels - 1), format: 'f32-planar' });
    }
    const continuous = !this.#discontinuities.delete(data.timestamp);
    data.close();
    this.#samplePort?.postMessage({ samples, continuous } satisfies PcmBlock, [samples.buffer]);
  }
}
