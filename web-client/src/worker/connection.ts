import * as client from '../protocol/client-messages';
import { ProtocolError } from '../protocol/bytes';
import { parseServerMessage, type ServerMessage } from '../protocol/server-messages';
import type { Input } from './messages';
import { SendPacer } from './send-pacer';

const PING_INTERVAL_MS = 2000;
/** Silence after a ping, in milliseconds, after which the path counts as dead although TCP has not reported an error. */
const PING_TIMEOUT_MS = 8000;
/** Unsent bytes above which pointer movements and recorded audio are dropped: only the newest are useful. */
const CONGESTED_BYTES = 8192;
/** Unsent bytes above which clipboard and file chunks wait, so that a key press has at most this much ahead of it. */
const TRANSFER_BUFFER_BYTES = 64 * 1024;
/** Interval at which `bufferedAmount` is polled: WebSocket has no event for its decrease. */
const BUFFER_POLL_MS = 8;

/** Callbacks of a {@link Connection}. */
export interface ConnectionEvents {
  /**
   * Returns the ResumeHashes message of the picture still on the canvas, or `null`; called right before Hello is
   * sent.
   */
  readonly resumeHashes: () => ArrayBuffer | null;
  /** Called for each parsed message, with its length in bytes. */
  readonly message: (message: ServerMessage, byteLength: number) => void;
  /** Called for each input sent: its sequence number, and the time of the event in milliseconds since the epoch. */
  readonly inputSent: (seq: number, at: number) => void;
  /** Called for each Pong, with the round-trip time in milliseconds. */
  readonly roundTrip: (ms: number) => void;
  /** Called once, with the WebSocket close code (RFC 6455, section 7.4); not called after {@link Connection.dispose}. */
  readonly closed: (code: number) => void;
}

/**
 * WebSocket connection to the stream of one desktop: sends Hello, numbers inputs, probes liveness by pings and parses
 * messages. A malformed message closes the connection.
 */
export class Connection {
  readonly #socket: WebSocket;
  readonly #events: ConnectionEvents;
  #seq = 0;
  #lastPing = 0;
  /**
   * Time of the oldest ping that no message has followed. Measured in time, not in pings: browsers throttle the
   * timers of hidden pages.
   */
  #silentSince: number | null = null;
  #pingTimer: ReturnType<typeof setInterval> | undefined;
  #closed = false;
  /** Pings without a response, by their token. */
  readonly #pendingPings = new Map<bigint, (arrived: boolean) => void>();
  readonly #pacer = new SendPacer(() => this.roundTrip());

  /** Opens the WebSocket; Hello is sent once it is open. */
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

  /** Resolves all pings up to `token`: the server reads messages in order. */
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

  /** Sends a ping with a unique token and returns the token. */
  #sendPing(now: number): bigint {
    // Time in microseconds, made unique: some browsers round their clocks to a millisecond.
    this.#lastPing = Math.max(Math.round(now * 1000), this.#lastPing + 1);
    const token = BigInt(this.#lastPing);
    this.send(client.ping(token));
    return token;
  }

  /**
   * Sends a ping. Resolves with `true` once the server has read everything sent so far, with `false` if the
   * connection ends before.
   */
  roundTrip(): Promise<boolean> {
    return new Promise((resolve) => {
      if (this.#closed || this.#socket.readyState !== WebSocket.OPEN) {
        resolve(false);
      } else {
        this.#pendingPings.set(this.#sendPing(performance.now()), resolve);
      }
    });
  }

  /**
   * Resolves with `true` once the pacer and the socket's buffer allow a further chunk, with `false` if the connection
   * has ended.
   */
  async readyForChunk(): Promise<boolean> {
    await this.#pacer.ready();
    while (!this.#closed && this.#socket.bufferedAmount > TRANSFER_BUFFER_BYTES) {
      await new Promise((resolve) => setTimeout(resolve, BUFFER_POLL_MS));
    }
    return !this.#closed;
  }

  /** Returns the size of the next clipboard or file chunk in bytes. */
  chunkSize(): number {
    return this.#pacer.chunkSize(client.MAX_CHUNK);
  }

  /** Sends a clipboard or file chunk, and counts it against the pacer's window. */
  sendChunk(message: ArrayBuffer): void {
    this.send(message);
    this.#pacer.sent(message.byteLength);
  }

  /** Sends a message; does nothing while the socket is not open. */
  send(message: ArrayBuffer): void {
    if (this.#socket.readyState === WebSocket.OPEN) {
      this.#socket.send(message);
    }
  }

  /** Sends a message that is useless when late, such as recorded audio; drops it while the socket is congested. */
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

  /** Aborts the connection: `closed` is called at once with code 1006, without waiting for the closing handshake. */
  close(): void {
    this.#socket.close();
    const ABNORMAL = 1006;
    this.#finish(ABNORMAL);
  }

  /** Closes the connection on purpose; no callback follows. */
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

/** Encodes an input as a wire message. */
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
