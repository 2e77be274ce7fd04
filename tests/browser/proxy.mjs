// What stands in front of the server on loopback: a wire that can be cut, and a relay for HTTP.
import { createServer as createHttpServer, request } from 'node:http';
import { connect, createServer } from 'node:net';

/** Relays HTTP to a server; `prelude` is put before the code of the client's worker. */
export function httpRelay(port, prelude = '') {
  return createHttpServer((from, to) => {
    const on = request({ port, host: '127.0.0.1', method: from.method, path: from.url, headers: from.headers }, (answer) => {
      const { 'content-length': length, ...headers } = answer.headers;
      const isWorker = prelude !== '' && /^\/assets\/main-.*\.js$/.test(from.url);
      to.writeHead(answer.statusCode, isWorker || length === undefined ? headers : { ...headers, 'content-length': length });
      if (isWorker) to.write(`${prelude}\n`);
      answer.pipe(to);
    });
    on.on('error', () => to.destroy());
    from.pipe(on);
  });
}

export class Wire {
  static async to(port) {
    const wire = new Wire();
    wire.open = true;
    wire.sockets = new Set();
    // What went from the server to the browser.
    wire.bytes = 0;
    wire.server = createServer((client) => {
      if (!wire.open) return client.destroy();
      const server = connect(port, '127.0.0.1');
      for (const [from, onto] of [[client, server], [server, client]]) {
        wire.sockets.add(from);
        from.on('error', () => {});
        from.on('close', () => { wire.sockets.delete(from); onto.destroy(); });
        from.pipe(onto);
      }
      server.on('data', (data) => (wire.bytes += data.length));
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
