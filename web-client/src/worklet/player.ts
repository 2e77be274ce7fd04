/** Processor on the audio thread that plays the samples decoded by the worker. */
import { type PcmBlock, PLAYER, type PlayerReport } from './messages';
import { PlayBuffer } from './play-buffer';

/** Render quanta of 128 frames between two reports: a quarter of a second. */
const REPORT_EVERY = 94;

class Player extends AudioWorkletProcessor {
  readonly #buffer = new PlayBuffer();
  #samplePort: MessagePort | null = null;
  #sinceReport = 0;

  constructor() {
    super();
    this.port.onmessage = ({ data }: MessageEvent<MessagePort>) => this.#attach(data);
  }

  #attach(samplePort: MessagePort): void {
    this.#samplePort = samplePort;
    samplePort.onmessage = ({ data: { samples, continuous } }: MessageEvent<PcmBlock>) => {
      const half = samples.length / 2;
      this.#buffer.push(samples.subarray(0, half), samples.subarray(half), continuous);
    };
  }

  process(_inputs: Float32Array[][], [output]: Float32Array[][]): boolean {
    const [left, right] = output ?? [];
    if (left !== undefined && right !== undefined) {
      this.#buffer.pull(left, right);
    }
    this.#sinceReport += 1;
    if (this.#sinceReport >= REPORT_EVERY) {
      this.#sinceReport = 0;
      const { bufferedMs: bufferMs, underruns } = this.#buffer;
      this.#samplePort?.postMessage({ bufferMs, underruns } satisfies PlayerReport);
    }
    return true;
  }
}

registerProcessor(PLAYER, Player);
