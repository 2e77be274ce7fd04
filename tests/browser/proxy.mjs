// A wire that can be cut: a TCP relay on loopback in front of the server.
import { connect, createServer } from 'node:net';

export class Wire {
  static async to(port) {
    const wire = new Wire();
    wire.open = true;
    wire.sockets = new Set();
    wire.server = createServer((client) => {
      if (!wire.open) return client.destroy();
      const server = connect(port, '127.0.0.1');
      for (const [from, onto] of [[client, server], [server, client]]) {
        wire.sockets.add(from);
        from.on('error', () => {});
        from.on('close', () => { wire.sockets.delete(from); onto.destroy(); });
        from.pipe(onto);
      }
    });
    await new Promise((done) => wire.server.listen(0, '127.0.0.1', done));
    wire.port = wire.server.address().port;
    wire.url = `http://127.0.0.1:${wire.port}`;
    return wire;
  }

  /** Every connection breaks, and no new one is let in. */
  cut() {
    this.open = false;
    for (const socket of this.sockets) socket.destroy();
  }

  mend() {
    this.open = true;
  }

  close() {
    this.cut();
    this.server.close();
  }
}
