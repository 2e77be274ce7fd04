import { RATE, RECORDED_SAMPLES } from '../worklet/messages';

const BLOCK_US = (RECORDED_SAMPLES * 1_000_000) / RATE;
const BITS_PER_SECOND = 32_000;

/** TypeScript's library does not know the options of Opus yet. */
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

/** Whether this browser can encode what a microphone hears. */
export async function opusEncodable(): Promise<boolean> {
  try {
    return (await AudioEncoder.isConfigSupported(CONFIG)).supported === true;
  } catch {
    return false;
  }
}

/** Encodes what the user says. */
export class Microphone {
  readonly #send: (sequence: number, opus: Uint8Array<ArrayBuffer>) => void;
  #encoder: AudioEncoder | null = null;
  #samplePort: MessagePort | null = null;
  #timestamp = 0;
  #sequence = 0;

  constructor(send: (sequence: number, opus: Uint8Array<ArrayBuffer>) => void) {
    this.#send = send;
  }

  /** From now on blocks of samples come from `blocks`; from `null`, none do. */
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
