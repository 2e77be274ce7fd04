import * as client from '../protocol/client-messages';
import { ProtocolError } from '../protocol/bytes';
import { parseServerMessage, type ServerMessage } from '../protocol/server-messages';
import type { Input } from './messages';
import { SendPacer } from './send-pacer';

const PING_INTERVAL_MS = 2000;
/** No bytes for this long after a ping: the path is dead, and TCP has not noticed. */
const PING_TIMEOUT_MS = 8000;
/** Above this much unsent, pointer movements and recorded sound are dropped: only the newest matters. */
const CONGESTED_BYTES = 8192;
/** Clipboard and files wait while more than this is unsent: a key pressed meanwhile comes right after it. */
const TRANSFER_BUFFER_BYTES = 64 * 1024;
/** Browsers do not tell when it is sent. */
const BUFFER_POLL_MS = 8;

export interface ConnectionEvents {
  /** Returns the ResumeHashes message of the picture that is still shown, or `null`; called right before Hello is sent. */
  readonly resumeHashes: () => ArrayBuffer | null;
  readonly message: (message: ServerMessage, byteLength: number) => void;
  readonly inputSent: (seq: number, at: number) => void;
  readonly roundTrip: (ms: number) => void;
  /** Called once. `code` is the WebSocket's close code. */
  readonly closed: (code: number) => void;
}

/** One WebSocket to one desktop: numbers inputs, answers liveness, parses messages. */
export class Connection {
  readonly #socket: WebSocket;
  readonly #events: ConnectionEvents;
  #seq = 0;
  #lastPing = 0;
  /** When the oldest ping was sent that nothing has followed; browsers slow the timers of hidden pages down. */
  #silentSince: number | null = null;
  #pingTimer: ReturnType<typeof setInterval> | undefined;
  #closed = false;
  readonly #pendingPings = new Map<bigint, (arrived: boolean) => void>();
  readonly #pacer = new SendPacer(() => this.roundTrip());

  constructor(url: string, hello: client.Hello, events: ConnectionEvents) {
    this.#events = events;
    this.#socket = new WebSocket(url, 'oriel.v1');
    this.#socket.binaryType = 'arraybuffer';
    this.#socket.onopen = () => {
      const resumeHashes = events.resumeHashes();
      this.send(client.hello(hello, resumeHashes !== null));
      if (resumeHashes !== null) {
        this.send(resumeHashes);
      }
    };
    this.#socket.onmessage = ({ data }: MessageEvent<unknown>) => this.#receive(data);
    this.#socket.onclose = ({ code }) => this.#finish(code);
  }

  #receive(data: unknown): void {
    if (this.#closed || !(data instanceof ArrayBuffer)) {
      return;
    }
    this.#silentSince = null;
    try {
      const message = parseServerMessage(data);
      if (message.type === 'welcome') {
        this.#startPings();
      } else if (message.type === 'pong') {
        this.#events.roundTrip(performance.now() - Number(message.token) / 1000);
        this.#resolvePings(message.token);
      }
      this.#events.message(message, data.byteLength);
    } catch (error) {
      if (!(error instanceof ProtocolError)) {
        throw error;
      }
      this.close();
    }
  }

  /** The server has read a ping, and with it those before, whether it says so or not. */
  #resolvePings(token: bigint): void {
    for (const [before, resolve] of this.#pendingPings) {
      if (before <= token) {
        this.#pendingPings.delete(before);
        resolve(true);
      }
    }
  }

  #startPings(): void {
    const pingOrClose = (): void => {
      const now = performance.now();
      this.#silentSince ??= now;
      if (now - this.#silentSince > PING_TIMEOUT_MS) {
        this.close();
      } else {
        this.#sendPing(now);
      }
    };
    pingOrClose();
    this.#pingTimer = setInterval(pingOrClose, PING_INTERVAL_MS);
  }

  #sendPing(now: number): bigint {
    // In microseconds, and no two alike: the clocks of some browsers stand still for a millisecond.
    this.#lastPing = Math.max(Math.round(now * 1000), this.#lastPing + 1);
    const token = BigInt(this.#lastPing);
    this.send(client.ping(token));
    return token;
  }

  /** Resolves once the server has read everything sent so far; false: the connection is over. */
  roundTrip(): Promise<boolean> {
    return new Promise((resolve) => {
      if (this.#closed || this.#socket.readyState !== WebSocket.OPEN) {
        resolve(false);
      } else {
        this.#pendingPings.set(this.#sendPing(performance.now()), resolve);
      }
    });
  }

  /** Resolves once little waits to be sent and little is on the way; false: the connection is over. */
  async readyForChunk(): Promise<boolean> {
    await this.#pacer.ready();
    while (!this.#closed && this.#socket.bufferedAmount > TRANSFER_BUFFER_BYTES) {
      await new Promise((resolve) => setTimeout(resolve, BUFFER_POLL_MS));
    }
    return !this.#closed;
  }

  /** Bytes of the next piece of something long. */
  chunkSize(): number {
    return this.#pacer.chunkSize(client.MAX_CHUNK);
  }

  /** Sends a piece of something long. */
  sendChunk(message: ArrayBuffer): void {
    this.send(message);
    this.#pacer.sent(message.byteLength);
  }

  send(message: ArrayBuffer): void {
    if (this.#socket.readyState === WebSocket.OPEN) {
      this.#socket.send(message);
    }
  }

  /** Sends what is worth nothing when it comes late. */
  sendUnlessCongested(message: ArrayBuffer): void {
    if (this.#socket.bufferedAmount <= CONGESTED_BYTES) {
      this.send(message);
    }
  }

  /** Numbers an input and sends it; pointer movements are dropped while the socket is congested. */
  sendInput(input: Input): void {
    const isMovement = input.kind === 'pointerTo' || input.kind === 'pointerBy';
    if (this.#socket.readyState !== WebSocket.OPEN || (isMovement && this.#socket.bufferedAmount > CONGESTED_BYTES)) {
      return;
    }
    this.#seq += 1;
    this.#socket.send(encode(this.#seq, input));
    this.#events.inputSent(this.#seq, input.at);
  }

  /** Gives the connection up: `closed` follows at once, whatever the network does. */
  close(): void {
    this.#socket.close();
    const ABNORMAL = 1006;
    this.#finish(ABNORMAL);
  }

  /** Ends the connection on purpose: nothing follows. */
  dispose(): void {
    this.#release();
    this.#socket.close();
  }

  #finish(code: number): void {
    if (!this.#closed) {
      this.#release();
      this.#events.closed(code);
    }
  }

  #release(): void {
    this.#closed = true;
    clearInterval(this.#pingTimer);
    for (const resolve of this.#pendingPings.values()) {
      resolve(false);
    }
    this.#pendingPings.clear();
  }
}

function encode(seq: number, input: Input): ArrayBuffer {
  switch (input.kind) {
    case 'key':
      return client.key(seq, input.code, input.down);
    case 'pointerTo':
      return client.pointerTo(seq, input.x, input.y);
    case 'pointerBy':
      return client.pointerBy(seq, input.dx, input.dy);
    case 'button':
      return client.button(seq, input.button, input.down);
    case 'wheel':
      return client.wheel(seq, input.dx, input.dy);
    case 'releaseAll':
      return client.releaseAll(seq);
  }
}
