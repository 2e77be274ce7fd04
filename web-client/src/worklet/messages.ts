/** What passes between the worker, which decodes and encodes, and the audio thread. */

/** Frames in a second, everywhere. */
export const RATE = 48_000;

/** Samples to play: all of the left side, then as many of the right. */
export interface PcmBlock {
  readonly samples: Float32Array<ArrayBuffer>;
  /** Whether it follows on what came before; otherwise there was silence between. */
  readonly continuous: boolean;
}

/** How playing goes; told a few times a second while there is something to play. */
export interface PlayerReport {
  readonly bufferMs: number;
  /** Times that there was nothing left in the middle of a sound, since the beginning. */
  readonly underruns: number;
}

export const PLAYER = 'oriel-player';
export const RECORDER = 'oriel-recorder';

/** Samples in a block from the microphone, one side only: 20 ms. */
export const RECORDED_SAMPLES = 960;
