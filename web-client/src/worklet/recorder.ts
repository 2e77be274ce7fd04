/** Processor on the audio thread that collects microphone samples into blocks for the worker. */
import { RECORDED_SAMPLES, RECORDER } from './messages';

class Recorder extends AudioWorkletProcessor {
  #block = new Float32Array(RECORDED_SAMPLES);
  #filled = 0;
  #samplePort: MessagePort | null = null;
  #ended = false;

  constructor() {
    super();
    // First message: the port for blocks; last message: `null`, which ends the processor.
    this.port.onmessage = ({ data }: MessageEvent<MessagePort | null>) => {
      this.#samplePort = data;
      this.#ended = data === null;
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
    return !this.#ended;
  }
}

registerProcessor(RECORDER, Recorder);
