// The bench guest has no agent for clipboard and files: this one sits on the wire in front of the server, speaks
// docs/protocol.md in the guest's place for those messages, and lets everything else through.
import { WebSocket, WebSocketServer } from 'ws';
import { launch, login, openDesktop, visit } from './browser.mjs';
import { Oriel } from './oriel.mjs';
import { httpRelay } from './proxy.mjs';
import { ClientMessageKind, ServerMessageKind } from '../message-kind.mjs';

const PIECE = 60 * 1024;
const CREDIT = 256 * 1024;

export class GuestAgent {
  /** `prelude` is put before the code of the client's worker. */
  static async before(port, prelude) {
    const agent = new GuestAgent();
    /** What the client did, in order: `{ key, down }`, `{ offer }`, `{ cancel }`. */
    agent.log = [];
    agent.files = new Map();
    /** What the guest copied, by media type. */
    agent.copied = {};
    agent.takesFiles = true;
    agent.clients = new Set();
    agent.nextRequest = 1;
    agent.sending = new Map();
    agent.pastes = new Map();
    const sockets = new WebSocketServer({ noServer: true, handleProtocols: () => 'oriel.v1', maxPayload: 1 << 20 });
    agent.server = httpRelay(port, prelude);
    agent.server.on('upgrade', (from, socket, head) => {
      const { host, origin, cookie } = from.headers;
      const server = new WebSocket(`ws://127.0.0.1:${port}${from.url}`, 'oriel.v1', { headers: { host, origin, cookie }, perMessageDeflate: false });
      server.on('error', () => socket.destroy());
      server.on('open', () => sockets.handleUpgrade(from, socket, head, (client) => agent.#join(client, server)));
    });
    await new Promise((done) => agent.server.listen(0, '127.0.0.1', done));
    agent.url = `http://127.0.0.1:${agent.server.address().port}`;
    return agent;
  }

  #join(client, server) {
    this.clients.add(client);
    server.on('message', (message) => client.send(message[0] === ServerMessageKind.Agents ? able(message) : message));
    client.on('message', (message) => this.#hear(client, message) || server.send(message));
    client.on('close', () => { this.clients.delete(client); server.close(); });
    server.on('close', () => client.close());
  }

  /** Whether the message was for the agent. */
  #hear(client, message) {
    const body = message.subarray(1);
    switch (message[0]) {
      case ClientMessageKind.Key:
        this.log.push({ key: body.readUInt16LE(4), down: body[6] === 1 });
        return false;
      case ClientMessageKind.ClipboardOffer:
        this.log.push({ offer: JSON.parse(body).types });
        return true;
      case ClientMessageKind.ClipboardRequest:
        this.#answer(client, body.readUInt32LE(0), this.copied[body.subarray(4).toString()]);
        return true;
      case ClientMessageKind.ClipboardData:
        this.#pasted(body);
        return true;
      case ClientMessageKind.FileStart:
        this.#startFile(client, body);
        return true;
      case ClientMessageKind.FileData:
        this.#fileData(body);
        return true;
      case ClientMessageKind.FileCancel:
        this.log.push({ cancel: body.readUInt32LE(0) });
        return true;
      case ClientMessageKind.FileAnswer:
        this.#answered(client, this.sending.get(body.readUInt32LE(0)), body[4] === 1);
        return true;
      case ClientMessageKind.FileTaken:
        this.#taken(client, this.sending.get(body.readUInt32LE(0)), Number(body.readBigUInt64LE(4)));
        return true;
      default:
        return false;
    }
  }

  /** The guest sends a file; what becomes of it is in the object. */
  send(name, contents) {
    const sending = { offer: this.sending.size + 1, contents, state: 'offered', sent: 0, taken: 0 };
    this.sending.set(sending.offer, sending);
    this.#tell(ServerMessageKind.FileOffer, { offer: sending.offer, name, size: contents.length });
    return sending;
  }

  /** The guest's program stops sending it. */
  giveUp(sending) {
    sending.state = 'given up';
    for (const client of this.clients) client.send(content(sending, 3, Buffer.alloc(0)));
  }

  #answered(client, sending, accepted) {
    sending.state = accepted ? 'taken' : sending.state === 'offered' ? 'declined' : 'stopped';
    if (accepted) this.passOn(sending, client);
  }

  #taken(client, sending, received) {
    sending.taken = received;
    if (received === sending.contents.length && sending.sent === received) sending.state = 'done';
    else this.passOn(sending, client);
  }

  /** As much as the credit allows, and no more than `stopsAt`. */
  passOn(sending, client = [...this.clients][0]) {
    const { contents, stopsAt = contents.length } = sending;
    do {
      const to = Math.min(sending.sent + PIECE, sending.taken + CREDIT, stopsAt);
      if (to === sending.sent && to < contents.length) return;
      client.send(content(sending, to === contents.length ? 1 : 0, contents.subarray(sending.sent, to)));
      sending.sent = to;
    } while (sending.sent < contents.length);
  }

  /** The guest copies. */
  copy(contents) {
    this.copied = contents;
    this.#tell(ServerMessageKind.ClipboardOffer, { types: Object.keys(contents) });
  }

  /** The guest pastes; resolves to the bytes, or `null` when the client has none. */
  paste(media) {
    const number = this.nextRequest++;
    const head = Buffer.alloc(5);
    head[0] = ServerMessageKind.ClipboardRequest;
    head.writeUInt32LE(number, 1);
    for (const client of this.clients) client.send(Buffer.concat([head, Buffer.from(media)]));
    return new Promise((done) => this.pastes.set(number, { pieces: [], done }));
  }

  #pasted(body) {
    const paste = this.pastes.get(body.readUInt32LE(0));
    paste.pieces.push(Buffer.from(body.subarray(5)));
    if (body[4] !== 0) paste.done(body[4] & 2 ? null : Buffer.concat(paste.pieces));
  }

  #answer(client, number, contents) {
    const pieces = contents ? Math.max(1, Math.ceil(contents.length / PIECE)) : 1;
    for (let piece = 0; piece < pieces; piece += 1) {
      const head = Buffer.alloc(6);
      head[0] = ServerMessageKind.ClipboardData;
      head.writeUInt32LE(number, 1);
      head[5] = (piece === pieces - 1 ? 1 : 0) | (contents ? 0 : 2);
      client.send(Buffer.concat([head, contents?.subarray(piece * PIECE, (piece + 1) * PIECE) ?? Buffer.alloc(0)]));
    }
  }

  #startFile(client, body) {
    const transfer = body.readUInt32LE(0);
    const file = { client, transfer, size: Number(body.readBigUInt64LE(4)), name: body.subarray(12).toString(), pieces: [], received: 0, told: 0 };
    this.files.set(file.name, file);
    if (this.refusal) return this.#status(file, 'failed', this.refusal);
    this.#status(file, 'accepted');
    if (file.size === 0) this.#status(file, 'done');
  }

  #fileData(body) {
    const file = [...this.files.values()].find(({ transfer }) => transfer === body.readUInt32LE(0));
    file.pieces.push(Buffer.from(body.subarray(4)));
    file.received += body.length - 4;
    this.takeFiles();
  }

  /** Takes what came of files, unless `takesFiles` says that the guest is slow. */
  takeFiles() {
    for (const file of this.files.values()) {
      if (!this.takesFiles || file.received === file.told) continue;
      file.told = file.received;
      this.#status(file, file.received === file.size ? 'done' : 'progress');
    }
  }

  #status({ client, transfer, told }, state, text) {
    client.send(Buffer.concat([Buffer.from([ServerMessageKind.FileStatus]), Buffer.from(JSON.stringify({ transfer, state, received: told, text }))]));
  }

  #tell(kind, body) {
    for (const client of this.clients) client.send(Buffer.concat([Buffer.from([kind]), Buffer.from(JSON.stringify(body))]));
  }

  close() {
    for (const client of this.clients) client.terminate();
    this.server.close();
    this.server.closeAllConnections();
  }
}

/** Bytes that are wrong as soon as one is missing or out of place. */
export const bytes = (length) => Buffer.from(Uint32Array.from({ length: length / 4 }, (_, at) => at * 2654435761).buffer);

/** A desktop with this agent, open in a page of a browser of its own; `close` ends all of it. */
export async function openWithAgent() {
  const oriel = await Oriel.running();
  const agent = await GuestAgent.before(oriel.port);
  const browser = await launch();
  const close = async () => {
    await browser.close();
    agent.close();
    await oriel.destroy();
  };
  try {
    const page = await visit(browser, { viewport: { width: 1280, height: 800 } });
    await login(page, agent.url, 'ada', 'a long password');
    await openDesktop(page);
    return { oriel, agent, page, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** What the guest can do, with this agent in it. */
function able(message) {
  const abilities = { ...JSON.parse(message.subarray(1)), clipboard: true, files: true };
  return Buffer.concat([Buffer.from([ServerMessageKind.Agents]), Buffer.from(JSON.stringify(abilities))]);
}

/** A piece of what the guest sends. */
function content({ offer }, flags, bytes) {
  const head = Buffer.alloc(6);
  head[0] = ServerMessageKind.FileContent;
  head.writeUInt32LE(offer, 1);
  head[5] = flags;
  return Buffer.concat([head, bytes]);
}
