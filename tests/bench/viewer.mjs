// A viewer without a screen, on a desktop's own socket (docs/protocol.md): takes every frame, shows none.
import { connect } from 'node:net';
import { ClientMessageKind, ServerMessageKind } from '../message-kind.mjs';

export class Viewer {
  /** Connects to `socket` as one who may act. */
  static async on(socket) {
    const viewer = new Viewer();
    Object.assign(viewer, { seq: 0, asked: [], answers: [], frames: 0, bytes: 0 });
    viewer.socket = connect(socket);
    viewer.socket.write(`${JSON.stringify({ open: 'viewer', mode: 'interact' })}\n`);
    // A line first, and then messages behind their lengths.
    let rest = Buffer.alloc(0);
    let opened = false;
    viewer.ready = new Promise((done, fail) => {
      viewer.socket.on('error', fail);
      viewer.socket.on('data', (data) => {
        rest = Buffer.concat([rest, data]);
        if (!opened) {
          const end = rest.indexOf('\n');
          if (end < 0) return;
          if (!rest.subarray(0, end).includes('ok')) fail(new Error(`refused: ${rest}`));
          opened = true;
          rest = rest.subarray(end + 1);
          viewer.say(ClientMessageKind.Hello, Buffer.from(JSON.stringify({ versions: [1], h264: true })));
          done();
        }
        while (rest.length >= 4 && rest.length >= 4 + rest.readUInt32LE(0)) {
          const end = 4 + rest.readUInt32LE(0);
          viewer.take(rest.subarray(4, end));
          rest = rest.subarray(end);
        }
      });
    });
    await viewer.ready;
    return viewer;
  }

  say(type, body) {
    const head = Buffer.alloc(5);
    head.writeUInt32LE(body.length + 1, 0);
    head.writeUInt8(type, 4);
    this.socket.write(Buffer.concat([head, body]));
  }

  take(message) {
    if (message[0] !== ServerMessageKind.Frame) return;
    this.frames += 1;
    this.bytes += message.length;
    const now = performance.now();
    const answered = message.readUInt32LE(12);
    while (this.asked.length > 0 && this.asked[0].seq <= answered) this.answers.push(now - this.asked.shift().at);
    const ack = Buffer.alloc(12);
    ack.writeUInt32LE(message.readUInt32LE(4), 0);
    this.say(ClientMessageKind.Ack, ack);
  }

  /** Presses and releases a key, by its evdev code; `answers` get the ms to the frame that answers. */
  press(code) {
    for (const down of [1, 0]) {
      const body = Buffer.alloc(7);
      body.writeUInt32LE((this.seq += 1), 0);
      body.writeUInt16LE(code, 4);
      body.writeUInt8(down, 6);
      if (down) this.asked.push({ seq: this.seq, at: performance.now() });
      this.say(ClientMessageKind.Key, body);
    }
  }

  close() {
    this.socket.destroy();
  }
}
