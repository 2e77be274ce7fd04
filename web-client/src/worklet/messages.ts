/** Messages and constants between the worker, which decodes and encodes audio, and the AudioWorklet processors. */

/** Sample rate of all audio in hertz. */
export const RATE = 48_000;

/** Block of samples to play: all of the left channel, then all of the right. */
export interface PcmBlock {
  /** Samples in [-1, 1]. */
  readonly samples: Float32Array<ArrayBuffer>;
  /** Whether the block follows the previous one without a pause. */
  readonly continuous: boolean;
}

/** Report of the player, four times a second. */
export interface PlayerReport {
  /** Buffered audio in milliseconds. */
  readonly bufferMs: number;
  /** Number of times the buffer ran empty during continuous audio, since the player's start. */
  readonly underruns: number;
}

/** Registered name of the playing processor. */
export const PLAYER = 'oriel-player';
/** Registered name of the recording processor. */
export const RECORDER = 'oriel-recorder';

/** Number of samples in a recorded block: 20 ms, mono. */
export const RECORDED_SAMPLES = 960;
