import { describe, expect, it } from 'vitest';
import type { Frame, Update, VideoUpdate } from '../protocol/frame';
import { type PaintTarget, Presenter } from './presenter';
import type { DecodedFrameSink } from './video';

const EVERYWHERE = { x: 0, y: 0, width: 8, height: 8 };

function frame(id: number, ...updates: Update[]): Frame {
  return {
    id,
    lossless: false,
    fullRefresh: false,
    width: 8,
    height: 8,
    inputSeq: 0,
    inputToGuestUs: 0,
    guestToFlushUs: 0,
    flushToSentUs: 0,
    encodeUs: 0,
    updates,
  };
}

function exact(mark: number): Update {
  return { kind: 'lossless', rawLength: 1, zstd: new Uint8Array([mark]) };
}

function video(mark: number): VideoUpdate {
  return { kind: 'video', stream: 0, key: true, region: EVERYWHERE, rects: [], accessUnit: new Uint8Array([mark]) };
}

const COPY: Update = { kind: 'copy', sourceX: 0, sourceY: 0, to: EVERYWHERE };

/** Presenter with a decoder under the test's control, and the log of its paint operations. */
function setUp(): {
  readonly presenter: Presenter;
  readonly log: string[];
  readonly decode: (mark: number, found?: boolean) => void;
} {
  const log: string[] = [];
  const sinks = new Map<number, DecodedFrameSink>();
  const surface: PaintTarget = {
    width: 8,
    height: 8,
    resize: (width, height) => log.push(`resize ${width}x${height}`),
    copyRect: () => log.push('copy'),
    putTiles: (raw) => {
      log.push(`tiles ${raw[0]}`);
      return 1;
    },
    drawVideo: (picture) => {
      log.push(`video ${picture.timestamp}`);
      return 1;
    },
  };
  const presenter = new Presenter({
    surface,
    video: {
      decode: (update, sink) => sinks.set(update.accessUnit[0] ?? 0, sink),
      fail: () => log.push('fail'),
    },
    unzstd: (compressed) => compressed,
    onPresented: (presented) => log.push(`ack ${presented.frame.id}`),
    onResize: () => undefined,
    onError: (error) => {
      throw error;
    },
  });
  const decode = (mark: number, found = true): void => {
    const picture = { timestamp: mark, close: () => void log.push(`close ${mark}`) } as Partial<VideoFrame> as VideoFrame;
    sinks.get(mark)?.(found ? picture : null);
  };
  return { presenter, log, decode };
}

describe('presenter', () => {
  it('paints a frame at once if no part is being decoded', () => {
    const { presenter, log } = setUp();
    presenter.accept(frame(1, exact(10), COPY), 0);
    expect(log).toEqual(['tiles 10', 'copy', 'ack 1']);
  });

  it('paints all updates of a frame together and in order, once its video is decoded', () => {
    const { presenter, log, decode } = setUp();
    presenter.accept(frame(1, COPY, video(5), exact(10)), 0);
    expect(log).toEqual([]);
    decode(5);
    expect(log).toEqual(['copy', 'video 5', 'close 5', 'tiles 10', 'ack 1']);
  });

  it('keeps frames in order when a later one is decoded first', () => {
    const { presenter, log, decode } = setUp();
    presenter.accept(frame(1, video(5)), 0);
    presenter.accept(frame(2, video(6)), 0);
    presenter.accept(frame(3, exact(10)), 0);
    expect(presenter.waiting).toBe(3);
    decode(6);
    expect(log).toEqual([]);
    decode(5);
    expect(log.filter((line) => line.startsWith('ack'))).toEqual(['ack 1', 'ack 2', 'ack 3']);
    expect(presenter.waiting).toBe(0);
  });

  it('presents a frame whose video failed, so that it is acknowledged', () => {
    const { presenter, log, decode } = setUp();
    presenter.accept(frame(1, video(5), exact(10)), 0);
    decode(5, false);
    expect(log).toEqual(['tiles 10', 'ack 1']);
  });

  it('calls back once all frames accepted so far are painted', () => {
    const { presenter, log, decode } = setUp();
    presenter.whenPainted(() => log.push('look at nothing'));
    presenter.accept(frame(1, video(5)), 0);
    presenter.accept(frame(2, exact(10)), 0);
    presenter.whenPainted(() => log.push('look'));
    presenter.accept(frame(3, exact(11)), 0);
    expect(log).toEqual(['look at nothing']);
    decode(5);
    expect(log.slice(3)).toEqual(['ack 1', 'tiles 10', 'ack 2', 'look', 'tiles 11', 'ack 3']);
  });

  it('closes decoded pictures that are not painted', () => {
    const { presenter, log, decode } = setUp();
    presenter.accept(frame(1, video(5), video(6)), 0);
    decode(5);
    presenter.close();
    decode(6);
    expect(log).toEqual(['close 5', 'close 6']);
  });
});
