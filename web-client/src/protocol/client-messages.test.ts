import { describe, expect, it } from 'vitest';
import { text, u16, u32, u8 } from './byte-fixtures';
import * as client from './client-messages';
import { ClientMessageKind as Kind } from './message-kind';

function bytes(message: ArrayBuffer): number[] {
  return Array.from(new Uint8Array(message));
}

describe('messages from the client', () => {
  it('encodes Hello and Settings as JSON', () => {
    expect(bytes(client.hello({ h264: true, videoOnly: false, screen: 1 }, true))).toEqual([
      Kind.Hello,
      ...text('{"versions":[1],"h264":true,"video_only":false,"screen":1,"resume":true}'),
    ]);
    expect(bytes(client.settings(true, false))).toEqual([Kind.Settings, ...text('{"video_only":true,"frame_hashes":false}')]);
  });

  it('encodes the hashes to resume, unless the message would be too long', () => {
    const hashes = { width: 70, height: 10, words: new Uint32Array([1, 2, 3, 0xffffffff]) };
    expect(bytes(client.resumeHashes(hashes) ?? new ArrayBuffer())).toEqual([Kind.ResumeHashes, ...u16(70, 10), ...u32(1, 2, 3, 0xffffffff)]);
    expect(client.resumeHashes({ width: 4096, height: 2160, words: new Uint32Array(2176 * 2) })?.byteLength).toBe(17413);
    expect(client.resumeHashes({ width: 8192, height: 4096, words: new Uint32Array(8192 * 2) })).toBeNull();
  });

  it('requests a configuration for one screen and leaves the others unchanged', () => {
    const monitor = { width: 1281, height: 733, x: -1281, y: 0, dpi: 144 };
    expect(bytes(client.layoutRequest(0, monitor))).toEqual([Kind.LayoutRequest, ...text(`{"screens":[${JSON.stringify(monitor)}]}`)]);
    expect(bytes(client.layoutRequest(2, monitor))).toEqual([
      Kind.LayoutRequest,
      ...text('{"screens":[null,null,{"width":1281,"height":733,"x":-1281,"y":0,"dpi":144}]}'),
    ]);
  });

  it('encodes inputs with their sequence number', () => {
    expect(bytes(client.key(7, 464, true))).toEqual([Kind.Key, ...u32(7), ...u16(464), 1]);
    expect(bytes(client.pointerTo(8, 65535, 1))).toEqual([Kind.PointerTo, ...u32(8), ...u16(65535, 1)]);
    expect(bytes(client.button(9, 3, false))).toEqual([Kind.Button, ...u32(9), 3, 0]);
    expect(bytes(client.wheel(10, 0, -120))).toEqual([Kind.Wheel, ...u32(10), ...u16(0, -120)]);
    expect(bytes(client.releaseAll(11))).toEqual([Kind.ReleaseAll, ...u32(11)]);
    expect(bytes(client.pointerBy(12, -3, 4))).toEqual([Kind.PointerBy, ...u32(12), ...u16(-3, 4)]);
  });

  it('encodes audio settings and recorded packets', () => {
    expect(bytes(client.sound(true, false))).toEqual(u8(Kind.Sound, 1));
    expect(bytes(client.sound(true, true))).toEqual(u8(Kind.Sound, 3));
    expect(bytes(client.recording(258, new Uint8Array([0xfc, 9])))).toEqual([Kind.Recording, ...u32(258), 0xfc, 9]);
  });

  it('encodes clipboard and file messages', () => {
    expect(bytes(client.clipboardOffer(['text/plain']))).toEqual([Kind.ClipboardOffer, ...text('{"types":["text/plain"]}')]);
    expect(bytes(client.clipboardRequest(2, 'image/png'))).toEqual([Kind.ClipboardRequest, ...u32(2), ...text('image/png')]);
    expect(bytes(client.clipboardData(3, new Uint8Array([7]), true))).toEqual([Kind.ClipboardData, ...u32(3), 1, 7]);
    expect(bytes(client.clipboardData(3, null, true))).toEqual([Kind.ClipboardData, ...u32(3), 3]);
    expect(bytes(client.fileStart(4, 2 ** 40 + 5, 'größe'))).toEqual([Kind.FileStart, ...u32(4, 5, 256), ...text('größe')]);
    expect(bytes(client.fileData(4, new Uint8Array([1, 2])))).toEqual([Kind.FileData, ...u32(4), 1, 2]);
    expect(bytes(client.fileCancel(4))).toEqual([Kind.FileCancel, ...u32(4)]);
    expect(bytes(client.fileAnswer(4, true))).toEqual([Kind.FileAnswer, ...u32(4), 1]);
    expect(bytes(client.fileAnswer(4, false))).toEqual([Kind.FileAnswer, ...u32(4), 0]);
    expect(bytes(client.fileTaken(4, 2 ** 40 + 5))).toEqual([Kind.FileTaken, ...u32(4, 5, 256)]);
  });

  it('clamps numbers to the range of their fields', () => {
    expect(bytes(client.wheel(1, 1e9, -1e9))).toEqual([Kind.Wheel, ...u32(1), ...u16(32767, -32768)]);
    expect(bytes(client.pointerTo(1, -5, 70000))).toEqual([Kind.PointerTo, ...u32(1), ...u16(0, 65535)]);
  });

  it('encodes Ack, Ping, Refresh and VideoFailed', () => {
    expect(bytes(client.ack(3, 1500, 4000))).toEqual([Kind.Ack, ...u32(3, 1500, 4000)]);
    expect(bytes(client.ping(0x1_0000_0007n))).toEqual([Kind.Ping, ...u32(7, 1)]);
    expect(bytes(client.refresh())).toEqual(u8(Kind.Refresh));
    expect(bytes(client.videoFailed())).toEqual(u8(Kind.VideoFailed));
  });
});
