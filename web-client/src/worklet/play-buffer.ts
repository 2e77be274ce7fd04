import { RATE } from './messages';

const ms = (count: number): number => (count * RATE) / 1000;

/** Smallest target filling, in frames: more tolerates more network jitter, but delays the sound. */
const MIN_TARGET = ms(40);
/** Largest target filling, in frames: more would delay the sound noticeably behind the picture. */
const MAX_TARGET = ms(80);
/** Increase of the target after an underrun, and its decrease after {@link RECOVERY_FRAMES} without one. */
const STEP = ms(10);
/** Half a minute without an underrun, in frames. */
const RECOVERY_FRAMES = 30 * RATE;
/** Deviation from the target that is not corrected, in frames. */
const TOLERANCE = ms(10);
/** Excess over the target from which frames are skipped at once. */
const EXCESS = ms(60);
/** Length of the cross-fade after a skip, in frames; it prevents a click. */
const FADE = ms(5);
/** Level on both channels below which a frame may be dropped or repeated inaudibly. */
const QUIET = 0.004;
/** Minimum distance between two corrections, in frames. */
const ADJUST_INTERVAL = 8;

/** Capacity of the ring buffer in frames. */
const CAPACITY = 1 << 14;

/**
 * Jitter buffer between network and sound card. The filling is kept close to a target between 40 and 80 ms, by
 * dropping or repeating quiet frames; an excess is skipped.
 */
export class PlayBuffer {
  readonly #left = new Float32Array(CAPACITY);
  readonly #right = new Float32Array(CAPACITY);
  /** Number of frames written and read so far. */
  #written = 0;
  #read = 0;
  #target = MIN_TARGET;
  #playing = false;
  /** Whether the buffer ran empty; the next block shows whether that was an underrun or a pause. */
  #drained = false;
  #underruns = 0;
  #sinceUnderrun = 0;
  #sinceAdjusted = 0;
  #fadeLeft = 0;
  #fadeFrom = 0;

  /** Number of underruns. */
  get underruns(): number {
    return this.#underruns;
  }

  /** Buffered audio in milliseconds. */
  get bufferedMs(): number {
    return ((this.#written - this.#read) * 1000) / RATE;
  }

  /** Target filling in milliseconds. */
  get targetMs(): number {
    return (this.#target * 1000) / RATE;
  }

  /** Appends frames of both channels; `continuous`: without a pause after the previous frames. */
  push(left: Float32Array, right: Float32Array, continuous: boolean): void {
    if (this.#drained && continuous) {
      this.#underruns += 1;
      this.#sinceUnderrun = 0;
      this.#target = Math.min(MAX_TARGET, this.#target + STEP);
    }
    this.#drained = false;
    left.forEach((sample, index) => {
      const at = (this.#written + index) % CAPACITY;
      this.#left[at] = sample;
      this.#right[at] = right[index] ?? 0;
    });
    this.#written += left.length;
    const buffered = this.#written - this.#read;
    if (buffered > this.#target + EXCESS) {
      this.#skipAhead(buffered);
    }
    this.#playing ||= buffered >= this.#target;
  }

  /** Continues at the target's distance from the newest frame. */
  #skipAhead(buffered: number): void {
    this.#fadeFrom = this.#read;
    // Frames about to be overwritten cannot be faded out.
    this.#fadeLeft = this.#playing && buffered < CAPACITY - FADE ? FADE : 0;
    this.#read = this.#written - this.#target;
  }

  /** Fills the output channels, with silence while nothing is buffered. */
  pull(left: Float32Array, right: Float32Array): void {
    for (let index = 0; index < left.length; index += 1) {
      if (this.#playing && this.#read >= this.#written) {
        this.#playing = false;
        this.#drained = true;
        this.#fadeLeft = 0;
      }
      if (!this.#playing) {
        left[index] = 0;
        right[index] = 0;
        continue;
      }
      left[index] = this.#sample(this.#left);
      right[index] = this.#sample(this.#right);
      this.#advance(Math.abs(left[index] ?? 0) < QUIET && Math.abs(right[index] ?? 0) < QUIET);
    }
  }

  /** Returns the current sample of a channel, cross-faded after a skip. */
  #sample(side: Float32Array): number {
    const now = side[this.#read % CAPACITY] ?? 0;
    if (this.#fadeLeft === 0) {
      return now;
    }
    const before = side[this.#fadeFrom % CAPACITY] ?? 0;
    const share = this.#fadeLeft / FADE;
    return before * share + now * (1 - share);
  }

  /** Advances by one frame, or by none or two to correct the filling, and adapts the target. */
  #advance(quiet: boolean): void {
    this.#sinceAdjusted += 1;
    this.#sinceUnderrun += 1;
    if (this.#sinceUnderrun > RECOVERY_FRAMES) {
      this.#sinceUnderrun = 0;
      this.#target = Math.max(MIN_TARGET, this.#target - STEP);
    }
    let step = 1;
    const off = this.#written - this.#read - this.#target;
    if (quiet && this.#sinceAdjusted >= ADJUST_INTERVAL && Math.abs(off) > TOLERANCE) {
      this.#sinceAdjusted = 0;
      step = off > 0 ? 2 : 0;
    }
    this.#read += step;
    if (this.#fadeLeft > 0) {
      this.#fadeLeft -= 1;
      this.#fadeFrom += 1;
    }
  }
}
