import { RATE } from './messages';

const ms = (count: number): number => (count * RATE) / 1000;

/** So much is gathered before a sound begins. More of it bears more jitter of the network … */
const MIN_TARGET = ms(40);
/** … and makes the sound later than the picture. */
const MAX_TARGET = ms(80);
/** What a lack of samples adds to the target, and what half a minute without one takes off again. */
const STEP = ms(10);
const RECOVERY_FRAMES = 30 * RATE;
/** Off the target by no more than this nothing is done. */
const TOLERANCE = ms(10);
/** So much above the target is given up at once. */
const EXCESS = ms(60);
/** The old place is faded out and the new one in over so many frames, so that it does not click. */
const FADE = ms(5);
/** A frame below this on both sides can be left out or said twice without anyone hearing it. */
const QUIET = 0.004;
/** At most every so-manieth frame is. */
const ADJUST_INTERVAL = 8;

const CAPACITY = 1 << 14;

/**
 * Samples between the network, which delivers when it can, and the sound card, which needs them
 * now. It holds as little as the network allows: its filling continuous a target between 40 and 80 ms
 * by leaving out quiet frames or saying them twice, and never builds up.
 */
export class PlayBuffer {
  readonly #left = new Float32Array(CAPACITY);
  readonly #right = new Float32Array(CAPACITY);
  /** Frames put in and taken out so far. */
  #written = 0;
  #read = 0;
  #target = MIN_TARGET;
  #playing = false;
  /** It ran dry, and whether that was the sound's end is known when more comes. */
  #drained = false;
  #underruns = 0;
  #sinceUnderrun = 0;
  #sinceAdjusted = 0;
  #fadeLeft = 0;
  #fadeFrom = 0;

  get underruns(): number {
    return this.#underruns;
  }

  get bufferedMs(): number {
    return ((this.#written - this.#read) * 1000) / RATE;
  }

  get targetMs(): number {
    return (this.#target * 1000) / RATE;
  }

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

  /** Goes on at the target's distance from the newest frame. */
  #skipAhead(buffered: number): void {
    this.#fadeFrom = this.#read;
    // What is about to be overwritten cannot be faded out.
    this.#fadeLeft = this.#playing && buffered < CAPACITY - FADE ? FADE : 0;
    this.#read = this.#written - this.#target;
  }

  /** Fills both sides of an output, with silence where there is nothing. */
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

  #sample(side: Float32Array): number {
    const now = side[this.#read % CAPACITY] ?? 0;
    if (this.#fadeLeft === 0) {
      return now;
    }
    const before = side[this.#fadeFrom % CAPACITY] ?? 0;
    const share = this.#fadeLeft / FADE;
    return before * share + now * (1 - share);
  }

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
