import { RATE, RECORDED_SAMPLES } from '../worklet/messages';

/** Duration of a block of samples in microseconds. */
const BLOCK_US = (RECORDED_SAMPLES * 1_000_000) / RATE;
const BITS_PER_SECOND = 32_000;

/** Encoder configuration with the options of the WebCodecs Opus registration, which TypeScript's library lacks. */
interface OpusEncoderConfig extends AudioEncoderConfig {
  readonly opus: { readonly frameDuration: number; readonly application: 'voip' };
}

const CONFIG: OpusEncoderConfig = {
  codec: 'opus',
  sampleRate: RATE,
  numberOfChannels: 1,
  bitrate: BITS_PER_SECOND,
  opus: { frameDuration: BLOCK_US, application: 'voip' },
};

/** Whether this browser encodes Opus with the configuration of the microphone. */
export async function opusEncodable(): Promise<boolean> {
  try {
    return (await AudioEncoder.isConfigSupported(CONFIG)).supported === true;
  } catch {
    return false;
  }
}

/** Encoder of the user's microphone: blocks of samples from the audio thread become Opus packets. */
export class Microphone {
  readonly #send: (sequence: number, opus: Uint8Array<ArrayBuffer>) => void;
  #encoder: AudioEncoder | null = null;
  #samplePort: MessagePort | null = null;
  #timestamp = 0;
  #sequence = 0;

  /** Creates an idle encoder; `send` receives each packet with its sequence number. */
  constructor(send: (sequence: number, opus: Uint8Array<ArrayBuffer>) => void) {
    this.#send = send;
  }

  /** Sets the port from which blocks of samples arrive; `null` ends the capture and closes the encoder. */
  attach(samplePort: MessagePort | null): void {
    this.#samplePort?.close();
    this.#samplePort = samplePort;
    if (samplePort === null) {
      this.#close();
    } else {
      samplePort.onmessage = ({ data }: MessageEvent<Float32Array<ArrayBuffer>>) => this.#encode(data);
    }
  }

  #encode(data: Float32Array<ArrayBuffer>): void {
    if (this.#encoder?.state !== 'configured') {
      this.#close();
      this.#encoder = new AudioEncoder({ output: (chunk) => this.#deliver(chunk), error: () => undefined });
      this.#encoder.configure(CONFIG);
    }
    const block = new AudioData({
      format: 'f32',
      sampleRate: RATE,
      numberOfFrames: data.length,
      numberOfChannels: 1,
      timestamp: this.#timestamp,
      data,
    });
    this.#timestamp += BLOCK_US;
    this.#encoder.encode(block);
    block.close();
  }

  #deliver(chunk: EncodedAudioChunk): void {
    const opus = new Uint8Array(chunk.byteLength);
    chunk.copyTo(opus);
    this.#send(this.#sequence, opus);
    this.#sequence = (this.#sequence + 1) >>> 0;
  }

  #close(): void {
    if (this.#encoder?.state === 'configured') {
      this.#encoder.close();
    }
    this.#encoder = null;
  }
}
