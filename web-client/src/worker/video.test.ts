import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { VideoUpdate } from '../protocol/frame';
import { VideoStreams } from './video';

/** Decoders that are open now. */
let open = 0;

class FakeDecoder {
  state = 'unconfigured';
  readonly #output: (picture: unknown) => void;

  constructor({ output }: { output: (picture: unknown) => void }) {
    this.#output = output;
    open += 1;
  }

  configure(): void {
    this.state = 'configured';
  }

  decode(chunk: { timestamp: number }): void {
    this.#output({ timestamp: chunk.timestamp, close: () => undefined });
  }

  close(): void {
    this.state = 'closed';
    open -= 1;
  }
}

class FakeChunk {
  readonly timestamp: number;

  constructor({ timestamp }: { timestamp: number }) {
    this.timestamp = timestamp;
  }
}

beforeEach(() => {
  open = 0;
  vi.useFakeTimers();
  vi.stubGlobal('VideoDecoder', FakeDecoder);
  vi.stubGlobal('EncodedVideoChunk', FakeChunk);
});

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

/** A sequence parameter set is all that is looked at. */
const ACCESS_UNIT = new Uint8Array([0, 0, 0, 1, 0x67, 0x42, 0xc0, 0x28, 0]);

function update(stream: number, key: boolean): VideoUpdate {
  return { kind: 'video', stream, key, region: { x: 0, y: 0, width: 64, height: 64 }, rects: [], accessUnit: ACCESS_UNIT };
}

function streams(): { video: VideoStreams; missing: () => number } {
  let missing = 0;
  const video = new VideoStreams({
    acceleration: 'no-preference',
    onFailure: () => expect.unreachable(),
    onMissing: () => {
      missing += 1;
    },
  });
  return { video, missing: () => missing };
}

test('each of four streams has a decoder, and unused ones are closed', () => {
  const { video, missing } = streams();
  let pictures = 0;
  const show = (stream: number, key: boolean): void =>
    video.decode(update(stream, key), (picture) => {
      pictures += picture === null ? 0 : 1;
    });
  [0, 1, 2, 3].forEach((stream) => show(stream, true));
  expect(open).toBe(4);
  for (let second = 0; second < 30; second += 1) {
    vi.advanceTimersByTime(1000);
    show(2, false);
  }
  expect(open).toBe(1);
  expect(pictures).toBe(34);
  vi.advanceTimersByTime(30_000);
  expect(open).toBe(0);
  expect(vi.getTimerCount()).toBe(0);
  expect(missing()).toBe(0);
});

test('a delta picture without a decoder requests a refresh', () => {
  const { video, missing } = streams();
  const pictures: unknown[] = [];
  video.decode(update(1, false), (picture) => pictures.push(picture));
  expect(pictures).toEqual([null]);
  expect(missing()).toBe(1);
  video.decode(update(1, true), (picture) => pictures.push(picture));
  expect(pictures.length).toBe(2);
  video.close();
  expect(open).toBe(0);
});
