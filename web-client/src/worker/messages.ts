/**
 * Messages between page and worker, and the types in them. The page imports nothing else from this folder, so that
 * the worker's code is not part of the page's bundle.
 */
import type { Rect } from '../protocol/bytes';
import type { MonitorConfig } from '../protocol/client-messages';
import type { HashMismatch } from '../protocol/tile-hashes';
import type { Agents, CursorShape, Leds, ScreenRect } from '../protocol/server-messages';

/**
 * Input event for the guest. `at` is the time of the DOM event in milliseconds since the epoch; the other fields are
 * those of the wire messages (protocol/client-messages.ts).
 */
export type Input =
  /** Press or release of a key; `code` is a Linux `KEY_*` code. */
  | { readonly kind: 'key'; readonly at: number; readonly code: number; readonly down: boolean }
  /** Absolute position as fractions of the screen, 0 to 65535. */
  | { readonly kind: 'pointerTo'; readonly at: number; readonly x: number; readonly y: number }
  /** Relative movement in device pixels, while the pointer is locked. */
  | { readonly kind: 'pointerBy'; readonly at: number; readonly dx: number; readonly dy: number }
  /** Press or release of a button; `button` is the DOM's `MouseEvent.button`. */
  | { readonly kind: 'button'; readonly at: number; readonly button: number; readonly down: boolean }
  /** Wheel movement in 1/120 of a notch; right and down are positive. */
  | { readonly kind: 'wheel'; readonly at: number; readonly dx: number; readonly dy: number }
  /** Release of all keys and buttons. */
  | { readonly kind: 'releaseAll'; readonly at: number };

/** Contents of a clipboard by media type; `null`: the type is absent. */
export interface ClipboardContents {
  /** `text/plain`, with line feeds as line ends. */
  readonly text: string | null;
  /** `image/png`. */
  readonly png: Blob | null;
}

/** Directions of audio that are on. */
export interface AudioSettings {
  /** Whether the guest's audio is played here. */
  readonly playback: boolean;
  /** Whether the user's microphone is sent to the guest. */
  readonly capture: boolean;
}

/** First message to the worker: the desktop and the canvas. */
export interface StartRequest {
  /** Discriminator. */
  readonly type: 'start';
  /** Canvas of the page, transferred to the worker. */
  readonly canvas: OffscreenCanvas;
  /** Identifier of the desktop in the HTTP API. */
  readonly desktopId: string;
  /** CSRF token of the session, needed to obtain tickets. */
  readonly csrf: string;
  /** Whether inputs are accepted, or the client only watches. */
  readonly mode: 'interact' | 'watch';
  /** Whether everything is sent as video. */
  readonly videoOnly: boolean;
  /** Number of the guest's screen that this page shows, from 0 on. */
  readonly screen: number;
  /** Cached picture of an earlier visit, shown until the first frame; `null`: none. */
  readonly lastPicture: ImageBitmap | null;
}

/** Message from the page to the worker. */
export type ToWorker =
  | StartRequest
  /** Sends an input to the guest. */
  | { readonly type: 'input'; readonly input: Input }
  /** Switches whether everything is sent as video. */
  | { readonly type: 'videoOnly'; readonly on: boolean }
  /** Switches the comparison of each lossless picture with the server's tile hashes. */
  | { readonly type: 'verify'; readonly on: boolean }
  /** Requests a configuration for the monitor of this page, kept across connections; `null`: unchanged. */
  | { readonly type: 'layout'; readonly monitor: MonitorConfig | null }
  /** Switches the directions of audio. */
  | { readonly type: 'audio'; readonly audio: AudioSettings }
  /** Sets the port of the audio thread for samples to play. */
  | { readonly type: 'speaker'; readonly port: MessagePort }
  /** Sets the port of the audio thread for recorded samples; `null` ends the capture. */
  | { readonly type: 'microphone'; readonly port: MessagePort | null }
  /** Sends a file to the guest; `id` increases. */
  | { readonly type: 'sendFile'; readonly id: number; readonly file: File }
  /** Cancels an upload. */
  | { readonly type: 'cancelFile'; readonly id: number }
  /** Accepts a file of the guest and stores it in `handle`; `null`: as a blob, posted to the page. */
  | { readonly type: 'acceptFile'; readonly id: number; readonly handle: FileSystemFileHandle | null }
  /** Declines a file of the guest, or cancels its download. */
  | { readonly type: 'declineFile'; readonly id: number }
  /** Connects now: on the user's request, or after the browser's `online` event. */
  | { readonly type: 'reconnect' }
  /** Reports the browser's `offline` event. */
  | { readonly type: 'offline' }
  /** Switches reports of statistics, twice a second. */
  | { readonly type: 'subscribeStats'; readonly on: boolean }
  /** Sends a request; the worker posts one `response` with the same `id`. */
  | { readonly type: 'request'; readonly id: number; readonly request: WorkerRequest }
  /** Ends the worker; it posts `lastPicture` before. */
  | { readonly type: 'stop' };

/** Request to the worker, answered by one `response`; its value is `null` on failure. */
export type WorkerRequest =
  /** Statistics of the connection: {@link Stats}. */
  | { readonly kind: 'stats' }
  /** SHA-256 of a rectangle's RGBA pixels, in hexadecimal. */
  | { readonly kind: 'hash'; readonly rect: Rect }
  /** RGBA pixels of a rectangle. */
  | { readonly kind: 'pixels'; readonly rect: Rect }
  /** Picture as a PNG blob. */
  | { readonly kind: 'screenshot' }
  /**
   * Offers the user's clipboard to the guest: `true` once the server has read the offer, `false` without a
   * connection.
   */
  | { readonly kind: 'clipboard'; readonly contents: ClipboardContents }
  /** Whether this browser encodes Opus. */
  | { readonly kind: 'microphone' };

/** Reason of a lost connection: the network, or a restart of the server. */
export type DisconnectReason = 'network' | 'restarting';

/** State of the connection to the desktop; times in milliseconds since the epoch. */
export type ConnectionState =
  | { readonly state: 'connecting'; readonly since: number; readonly notice: string | null }
  | { readonly state: 'connected'; readonly watching: boolean }
  | { readonly state: 'reconnecting'; readonly reason: DisconnectReason; readonly attempt: number; readonly retryAt: number | null }
  | { readonly state: 'closed'; readonly code: CloseReason; readonly text: string };

/** Reason why the connection is closed and not retried: codes of the Closed message, and those of the client itself. */
export type CloseReason =
  | 'login'
  | 'stopped'
  | 'replaced'
  | 'forbidden'
  | 'not_found'
  | 'failed'
  | 'version'
  | 'unsupported';

/** Message from the worker to the page. */
export type FromWorker =
  /** The state of the connection changed. */
  | { readonly type: 'connection'; readonly connection: ConnectionState }
  /** Size of the shown screen in pixels; 0x0: unknown. */
  | { readonly type: 'screen'; readonly width: number; readonly height: number }
  /** Maximum number of screens, and their rectangles. */
  | { readonly type: 'screens'; readonly max: number; readonly screens: readonly ScreenRect[] }
  /** The canvas shows a picture; `live`: of this connection, not a cached one. */
  | { readonly type: 'painted'; readonly live: boolean }
  /** Last picture, in response to `stop`. */
  | { readonly type: 'lastPicture'; readonly picture: ImageBitmap }
  /** The guest's pointer changed its image. */
  | { readonly type: 'cursorShape'; readonly shape: CursorShape }
  /** The guest's pointer moved; position in pixels of the screen. */
  | { readonly type: 'cursorMove'; readonly x: number; readonly y: number }
  /** The lock LEDs of the guest's keyboard changed. */
  | { readonly type: 'leds'; readonly leds: Leds }
  /** Sentence of the server for the user. */
  | { readonly type: 'notice'; readonly kind: string; readonly text: string }
  /** Capabilities of the guest's agents changed. */
  | { readonly type: 'agents'; readonly agents: Agents }
  /** Clipboard contents copied in the guest. */
  | { readonly type: 'guestClipboard'; readonly contents: ClipboardContents }
  /** Progress or end of an upload. */
  | {
      readonly type: 'upload';
      readonly id: number;
      readonly state: 'sending' | 'done' | 'failed';
      /** Bytes that the guest has received. */
      readonly received: number;
      /** Reason of a failure, one sentence; otherwise empty. */
      readonly text: string;
    }
  /** The guest offers a file of `size` bytes; `id` increases. */
  | { readonly type: 'fileOffer'; readonly id: number; readonly name: string; readonly size: number }
  /** Progress or end of a download. */
  | {
      readonly type: 'download';
      readonly id: number;
      readonly state: 'receiving' | 'done' | 'failed' | 'withdrawn';
      /** Bytes stored here. */
      readonly received: number;
      /** Reason of a failure, one sentence; otherwise empty. */
      readonly text: string;
      /** Complete file that the browser has to save; otherwise `null`. */
      readonly blob: Blob | null;
    }
  /** Periodic statistics, after `subscribeStats`. */
  | { readonly type: 'stats'; readonly stats: Stats }
  /** Response to the `request` with this `id`. */
  | { readonly type: 'response'; readonly id: number; readonly value: unknown };

/** Latency of one input from the DOM event to the painted frame, by stage, in milliseconds. */
export interface LatencySample {
  /** Sequence number of the input. */
  readonly seq: number;
  /** From the DOM event to the server: the remainder of `total` after the other stages. */
  readonly toServer: number;
  /** From the input's receipt to its visibility in the guest's queue. */
  readonly inputToGuest: number;
  /** From there to the guest's flush. */
  readonly guestToFlush: number;
  /** From the flush to the frame's hand-over to the server's socket. */
  readonly flushToSent: number;
  /** Half of the shortest recent round trip, plus receipt, decoding and painting. */
  readonly sentToPresented: number;
  /** From the DOM event to the painted frame. */
  readonly total: number;
}

/** Stages of {@link LatencySample} in their order. */
export const STAGES = ['toServer', 'inputToGuest', 'guestToFlush', 'flushToSent', 'sentToPresented', 'total'] as const;
/** One of {@link STAGES}. */
export type Stage = (typeof STAGES)[number];

/** Percentiles of a quantity. */
export interface Spread {
  /** Median. */
  readonly p50: number;
  /** 95th percentile. */
  readonly p95: number;
}

/** Statistics of audio playback. */
export interface AudioStats {
  /** Number of packets received since the connection was made. */
  readonly packets: number;
  /** Number of packets that the server dropped since the connection was made, because it was slow. */
  readonly missing: number;
  /** Audio buffered before the sound card, in milliseconds. */
  readonly bufferMs: number;
  /** Number of times the buffer ran empty during continuous audio, since the player was started. */
  readonly underruns: number;
}

/** Statistics of a connection; over the last five seconds unless stated otherwise. */
export interface Stats {
  /** Width of the screen in pixels. */
  readonly width: number;
  /** Height of the screen in pixels. */
  readonly height: number;
  /** Frames painted per second. */
  readonly framesPerSecond: number;
  /** Bytes received per second. */
  readonly bytesPerSecond: number;
  /** Share of the painted pixels that was encoded as video, 0 to 1. */
  readonly videoShare: number;
  /** Whether the picture now equals the guest's framebuffer, pixel for pixel. */
  readonly lossless: boolean;
  /** Result of comparing the picture with the server's tile hashes; `null`: not compared. */
  readonly hashCheck: 'same' | HashMismatch | null;
  /** Number of frames received and not yet painted. */
  readonly inFlight: number;
  /** Latest round-trip time in milliseconds; `null` before the first Pong. */
  readonly roundTripMs: number | null;
  /** Time from receipt to decoded frame in milliseconds. */
  readonly decodeMs: Spread | null;
  /** Time from receipt to painted frame in milliseconds. */
  readonly presentMs: Spread | null;
  /** Time of encoding on the server in milliseconds. */
  readonly encodeMs: Spread | null;
  /** Input latency by stage in milliseconds; `null` without samples. */
  readonly latency: Readonly<Record<Stage, Spread>> | null;
  /** State of H.264 decoding. */
  readonly h264: 'decoding' | 'unavailable' | 'failed';
  /** Whether everything is sent as video. */
  readonly videoOnly: boolean;
  /** Audio playback. */
  readonly audio: AudioStats;
  /** Number of frames painted since the connection was made. */
  readonly framesPainted: number;
  /** Number of bytes received since the connection was made. */
  readonly bytesReceived: number;
  /** Number of messages of unknown kinds since the connection was made. */
  readonly unknownMessages: number;
  /** Latest latency samples of this connection, at most 512. */
  readonly samples: readonly LatencySample[];
}
