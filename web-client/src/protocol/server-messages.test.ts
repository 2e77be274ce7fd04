import { describe, expect, it } from 'vitest';
import { buffer, text, u16, u32, u8, update } from './byte-fixtures';
import { ProtocolError } from './bytes';
import { ServerMessageKind as Kind } from './message-kind';
import { parseServerMessage } from './server-messages';

describe('messages from the server', () => {
  it('parses Welcome', () => {
    const message = parseServerMessage(
      buffer(u8(Kind.Welcome), text('{"version":1,"width":1920,"height":1080,"watching":true}')),
    );
    expect(message).toEqual({ type: 'welcome', version: 1, width: 1920, height: 1080, watching: true });
  });

  it('parses the rectangles of the screens', () => {
    const screens = [{ width: 1920, height: 1080, x: 0, y: 0 }, { width: 0, height: 0, x: 0, y: 0 }];
    const message = parseServerMessage(buffer(u8(Kind.Screens), text(JSON.stringify({ max: 2, screens }))));
    expect(message).toEqual({ type: 'screens', max: 2, screens });
    for (const body of ['{"max":1}', '{"max":1,"screens":[3]}', '{"max":1,"screens":[{"width":1}]}']) {
      expect(() => parseServerMessage(buffer(u8(Kind.Screens), text(body)))).toThrow(ProtocolError);
    }
  });

  it('parses a cursor shape with its hot spot', () => {
    const pixels = u8(1, 2, 3, 4, 5, 6, 7, 8);
    const message = parseServerMessage(buffer(u8(Kind.CursorShape), u16(2, 1, 1, 0), pixels));
    expect(message).toEqual({
      type: 'cursorShape',
      shape: { width: 2, height: 1, hotX: 1, hotY: 0, rgba: new Uint8Array(pixels) },
    });
  });

  it('parses the shape of a hidden cursor', () => {
    const message = parseServerMessage(buffer(u8(Kind.CursorShape), u16(0, 0, 0, 0)));
    expect(message).toMatchObject({ shape: { width: 0, height: 0 } });
  });

  it('parses CursorMove, Leds, Notice, Pong and Closed', () => {
    expect(parseServerMessage(buffer(u8(Kind.CursorMove), u16(300, 20)))).toEqual({ type: 'cursorMove', x: 300, y: 20 });
    expect(parseServerMessage(buffer(u8(Kind.Leds, 0b101)))).toEqual({
      type: 'leds',
      leds: { num: true, caps: false, scroll: true },
    });
    expect(parseServerMessage(buffer(u8(Kind.Notice), text('{"kind":"starting","text":"Wait."}')))).toEqual({
      type: 'notice',
      kind: 'starting',
      text: 'Wait.',
    });
    expect(parseServerMessage(buffer(u8(Kind.Pong), u32(7, 1)))).toEqual({ type: 'pong', token: 0x1_0000_0007n });
    expect(parseServerMessage(buffer(u8(Kind.Closed), text('{"code":"stopped","text":"Off."}')))).toEqual({
      type: 'closed',
      code: 'stopped',
      text: 'Off.',
    });
  });

  it('parses clipboard messages', () => {
    expect(parseServerMessage(buffer(u8(Kind.ClipboardOffer), text('{"types":["image/png","text/html"]}')))).toEqual({
      type: 'clipboardOffer',
      types: ['image/png'],
    });
    expect(parseServerMessage(buffer(u8(Kind.ClipboardRequest), u32(9), text('text/plain')))).toEqual({
      type: 'clipboardRequest',
      request: 9,
      content: 'text/plain',
    });
    const chunk = { request: 9, last: true, failed: false, bytes: new Uint8Array([104, 105]) };
    expect(parseServerMessage(buffer(u8(Kind.ClipboardData), u32(9), u8(1), text('hi')))).toEqual({ type: 'clipboardData', chunk });
    expect(parseServerMessage(buffer(u8(Kind.ClipboardData), u32(9), u8(2)))).toMatchObject({ chunk: { failed: true, last: true } });
    expect(() => parseServerMessage(buffer(u8(Kind.ClipboardOffer), text('{}')))).toThrow(ProtocolError);
  });

  it('parses the status of an upload', () => {
    const status = { transfer: 3, state: 'failed', received: 5, text: 'No room.' };
    expect(parseServerMessage(buffer(u8(Kind.FileStatus), text(JSON.stringify(status))))).toEqual({ type: 'fileStatus', status });
    expect(() => parseServerMessage(buffer(u8(Kind.FileStatus), text('{"transfer":1,"state":"eaten","received":0}')))).toThrow(
      ProtocolError,
    );
  });

  it('parses offers and contents of files', () => {
    const offer = { offer: 7, name: 'größe.pdf', size: 2 ** 40 };
    expect(parseServerMessage(buffer(u8(Kind.FileOffer), text(JSON.stringify(offer))))).toEqual({ type: 'fileOffer', offer });
    expect(() => parseServerMessage(buffer(u8(Kind.FileOffer), text('{"offer":7,"size":1}')))).toThrow(ProtocolError);
    expect(parseServerMessage(buffer(u8(Kind.FileContent), u32(7), u8(1, 9)))).toEqual({
      type: 'fileContent',
      chunk: { offer: 7, last: true, failed: false, bytes: new Uint8Array([9]) },
    });
    expect(parseServerMessage(buffer(u8(Kind.FileContent), u32(7), u8(3)))).toMatchObject({ chunk: { last: true, failed: true } });
  });

  it('parses audio packets and the capabilities of the agents', () => {
    expect(parseServerMessage(buffer(u8(Kind.Audio), u32(7), u32(5, 1), u8(0xfc, 1)))).toEqual({
      type: 'audio',
      packet: { sequence: 7, timeUs: 0x1_0000_0005n, opus: new Uint8Array([0xfc, 1]) },
    });
    expect(parseServerMessage(buffer(u8(Kind.Agents), text('{"sound":true,"clipboard":true}')))).toEqual({
      type: 'agents',
      agents: { clipboardTo: true, clipboardFrom: true, files: false, sound: true, microphone: false },
    });
    const withPolicy = (clipboard: boolean, clipboard_policy: string): unknown =>
      parseServerMessage(buffer(u8(Kind.Agents), text(JSON.stringify({ clipboard, clipboard_policy }))));
    expect(withPolicy(true, 'to-desktop')).toMatchObject({ agents: { clipboardTo: true, clipboardFrom: false } });
    expect(withPolicy(true, 'from-desktop')).toMatchObject({ agents: { clipboardTo: false, clipboardFrom: true } });
    for (const nothing of [withPolicy(true, 'off'), withPolicy(false, 'both'), withPolicy(true, 'sideways')]) {
      expect(nothing).toMatchObject({ agents: { clipboardTo: false, clipboardFrom: false } });
    }
  });

  it('reports unknown kinds, as newer servers may send them', () => {
    const byte = Math.max(...Object.values(Kind)) + 1;
    expect(parseServerMessage(buffer(u8(byte, 1, 2, 3)))).toEqual({ type: 'unknown', byte });
  });

  it.each([
    ['nothing', buffer()],
    ['half a pointer move', buffer(u8(Kind.CursorMove), u16(300))],
    ['a pointer without its pixels', buffer(u8(Kind.CursorShape), u16(64, 64, 0, 0), u8(1, 2, 3, 4))],
    ['broken JSON', buffer(u8(Kind.Notice), text('{"kind":'))],
    ['JSON without the fields', buffer(u8(Kind.Notice), text('{"text":"no kind"}'))],
    ['JSON that is no object', buffer(u8(Kind.Closed), text('null'))],
  ])('rejects %s', (_name, bytes) => {
    expect(() => parseServerMessage(bytes)).toThrow(ProtocolError);
  });
});

/** The fields of a frame up to its updates. */
function frameHead(flags: number, updates: number): number[] {
  return [
    ...u8(Kind.Frame, flags),
    ...u16(updates),
    ...u32(9),
    ...u16(1280, 720),
    ...u32(41, 300, 2100, 1500, 900),
  ];
}

describe('frames', () => {
  it('parses the header', () => {
    expect(parseServerMessage(buffer(frameHead(0b11, 0)))).toEqual({
      type: 'frame',
      frame: {
        id: 9,
        lossless: true,
        fullRefresh: true,
        width: 1280,
        height: 720,
        inputSeq: 41,
        inputToGuestUs: 300,
        guestToFlushUs: 2100,
        flushToSentUs: 1500,
        encodeUs: 900,
        updates: [],
      },
    });
  });

  it('parses updates of each kind in their order', () => {
    const accessUnit = u8(0, 0, 0, 1, 0x65, 0x88);
    const message = parseServerMessage(
      buffer(
        frameHead(0, 3),
        update(1, 0, u16(10, 20), u16(30, 40, 50, 60)),
        update(2, 0, u32(500), u8(0x28, 0xb5, 0x2f, 0xfd)),
        update(3, 2, u8(1, 1), u16(64, 128, 640, 360), u16(2, 0), u16(64, 128, 8, 8), u16(72, 136, 16, 4), accessUnit),
      ),
    );
    expect(message).toMatchObject({
      frame: {
        lossless: false,
        fullRefresh: false,
        updates: [
          { kind: 'copy', sourceX: 10, sourceY: 20, to: { x: 30, y: 40, width: 50, height: 60 } },
          { kind: 'lossless', rawLength: 500, zstd: new Uint8Array([0x28, 0xb5, 0x2f, 0xfd]) },
          {
            kind: 'video',
            stream: 2,
            key: true,
            region: { x: 64, y: 128, width: 640, height: 360 },
            rects: [
              { x: 64, y: 128, width: 8, height: 8 },
              { x: 72, y: 136, width: 16, height: 4 },
            ],
            accessUnit: new Uint8Array(accessUnit),
          },
        ],
      },
    });
  });

  it.each([
    ['fewer updates than it announces', buffer(frameHead(0, 1))],
    ['bytes after its updates', buffer(frameHead(0, 0), u8(1))],
    ['an update of an unknown kind', buffer(frameHead(0, 1), update(4, 0))],
    ['an update longer than the message', buffer(frameHead(0, 1), u8(2, 0), u16(0), u32(99), u8(1))],
    ['a fifth video stream', buffer(frameHead(0, 1), update(3, 4, u8(1, 1), u16(0, 0, 8, 8, 0, 0)))],
    ['an unknown codec', buffer(frameHead(0, 1), update(3, 0, u8(2, 1), u16(0, 0, 8, 8, 0, 0)))],
    ['fewer rectangles than it announces', buffer(frameHead(0, 1), update(3, 0, u8(1, 1), u16(0, 0, 8, 8, 2, 0, 1)))],
  ])('rejects a frame with %s', (_name, bytes) => {
    expect(() => parseServerMessage(bytes)).toThrow(ProtocolError);
  });
});
