/** Runs on the browser's audio thread: hands what the microphone hears to the worker. */
import { RECORDED_SAMPLES, RECORDER } from './messages';

class Recorder extends AudioWorkletProcessor {
  #block = new Float32Array(RECORDED_SAMPLES);
  #filled = 0;
  #samplePort: MessagePort | null = null;
  #over = false;

  constructor() {
    super();
    // The port that blocks go to, and in the end nothing: no more are wanted.
    this.port.onmessage = ({ data }: MessageEvent<MessagePort | null>) => {
      this.#samplePort = data;
      this.#over = data === null;
    };
  }

  process([input]: Float32Array[][]): boolean {
    for (const sample of input?.[0] ?? []) {
      this.#block[this.#filled] = sample;
      this.#filled += 1;
      if (this.#filled === RECORDED_SAMPLES) {
        this.#samplePort?.postMessage(this.#block, [this.#block.buffer]);
        this.#block = new Float32Array(RECORDED_SAMPLES);
        this.#filled = 0;
      }
    }
    return !this.#over;
  }
}

registerProcessor(RECORDER, Recorder);
