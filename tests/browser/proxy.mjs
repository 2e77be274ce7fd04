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

/** A reverse proxy that serves a server below a path, with WebSockets. `strip`: the server never sees the path. */
export function pathProxy(port, path, { strip }) {
  const options = ({ method, url, headers }) => ({
    port, host: '127.0.0.1', method, path: strip ? url.slice(path.length) : url, headers: { ...headers, 'x-forwarded-for': '192.0.2.7' },
  });
  const outside = (url) => !url.startsWith(`${path}/`);
  const proxy = createHttpServer((from, to) => {
    if (outside(from.url)) return to.writeHead(404).end('another application');
    const on = request(options(from), (answer) => {
      to.writeHead(answer.statusCode, answer.headers);
      answer.pipe(to);
    });
    on.on('error', () => to.destroy());
    from.pipe(on);
  });
  proxy.on('upgrade', (from, socket) => {
    if (outside(from.url)) return socket.destroy();
    const on = request(options(from));
    on.on('upgrade', (answer, server) => {
      const lines = Object.entries(answer.headers).map(([name, value]) => `${name}: ${value}\r\n`);
      socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join('')}\r\n`);
      for (const [one, other] of [[socket, server], [server, socket]]) {
        one.on('error', () => {});
        one.on('close', () => other.destroy());
        one.pipe(other);
      }
    });
    on.on('response', () => socket.destroy());
    on.on('error', () => socket.destroy());
    on.end();
  });
  return proxy;
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
