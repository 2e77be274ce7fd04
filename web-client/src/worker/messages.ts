/** What page and worker say to each other. The page must not import anything else of this folder. */
import type { Rect } from '../protocol/bytes';
import type { MonitorConfig } from '../protocol/client-messages';
import type { HashMismatch } from '../protocol/tile-hashes';
import type { Agents, CursorShape, Leds, ScreenRect } from '../protocol/server-messages';

/** One action of the user. `at` is when it happened, in milliseconds since the epoch. */
export type Input =
  | { readonly kind: 'key'; readonly at: number; readonly code: number; readonly down: boolean }
  | { readonly kind: 'pointerTo'; readonly at: number; readonly x: number; readonly y: number }
  | { readonly kind: 'pointerBy'; readonly at: number; readonly dx: number; readonly dy: number }
  | { readonly kind: 'button'; readonly at: number; readonly button: number; readonly down: boolean }
  | { readonly kind: 'wheel'; readonly at: number; readonly dx: number; readonly dy: number }
  | { readonly kind: 'releaseAll'; readonly at: number };

/** What a clipboard has. */
export interface ClipboardContents {
  readonly text: string | null;
  readonly png: Blob | null;
}

/** Directions of audio that are on. */
export interface AudioSettings {
  /** Whether the guest's audio is played here. */
  readonly playback: boolean;
  /** Whether the user's microphone is sent to the guest. */
  readonly capture: boolean;
}

/** What the worker needs to open a desktop. */
export interface StartRequest {
  readonly type: 'start';
  readonly canvas: OffscreenCanvas;
  readonly desktopId: string;
  readonly csrf: string;
  readonly mode: 'interact' | 'watch';
  readonly videoOnly: boolean;
  /** Which of the guest's screens this page shows, from 0 on. */
  readonly screen: number;
  /** What was seen of it last, to be shown until there is something newer. */
  readonly lastPicture: ImageBitmap | null;
}

export type ToWorker =
  | StartRequest
  | { readonly type: 'input'; readonly input: Input }
  | { readonly type: 'videoOnly'; readonly on: boolean }
  /** Whether to compare every exact picture with the server's. */
  | { readonly type: 'verify'; readonly on: boolean }
  /** Requested configuration of the monitor that this page shows, kept across connections; `null`: unchanged. */
  | { readonly type: 'layout'; readonly monitor: MonitorConfig | null }
  | { readonly type: 'audio'; readonly audio: AudioSettings }
  /** Where samples to play go: the audio thread. */
  | { readonly type: 'speaker'; readonly port: MessagePort }
  /** Where recorded samples come from; `null`: none do any more. */
  | { readonly type: 'microphone'; readonly port: MessagePort | null }
  /** A file for the guest; `id` counts up. */
  | { readonly type: 'sendFile'; readonly id: number; readonly file: File }
  | { readonly type: 'cancelFile'; readonly id: number }
  /** A file of the guest goes there; `null`: as a blob to the page. */
  | { readonly type: 'acceptFile'; readonly id: number; readonly handle: FileSystemFileHandle | null }
  | { readonly type: 'declineFile'; readonly id: number }
  /** Try again now: the user asked, or the browser is online again. */
  | { readonly type: 'reconnect' }
  | { readonly type: 'offline' }
  /** Whether to report statistics twice a second. */
  | { readonly type: 'subscribeStats'; readonly on: boolean }
  | { readonly type: 'request'; readonly id: number; readonly request: WorkerRequest }
  | { readonly type: 'stop' };

/** Questions, most of them about the picture and the browser; each gets one `answer`. */
export type WorkerRequest =
  | { readonly kind: 'stats' }
  | { readonly kind: 'hash'; readonly rect: Rect }
  | { readonly kind: 'pixels'; readonly rect: Rect }
  | { readonly kind: 'screenshot' }
  /** The user's clipboard has this now; answered once the server knows, with whether it does. */
  | { readonly kind: 'clipboard'; readonly contents: ClipboardContents }
  /** Whether this browser can encode what a microphone hears. */
  | { readonly kind: 'microphone' };

export type DisconnectReason = 'network' | 'restarting';

/** How the connection to the desktop stands. Times in milliseconds since the epoch. */
export type ConnectionState =
  | { readonly state: 'connecting'; readonly since: number; readonly notice: string | null }
  | { readonly state: 'connected'; readonly watching: boolean }
  | { readonly state: 'reconnecting'; readonly reason: DisconnectReason; readonly attempt: number; readonly retryAt: number | null }
  | { readonly state: 'closed'; readonly code: CloseReason; readonly text: string };

export type CloseReason =
  | 'login'
  | 'stopped'
  | 'replaced'
  | 'forbidden'
  | 'not_found'
  | 'failed'
  | 'version'
  | 'unsupported';

export type FromWorker =
  | { readonly type: 'connection'; readonly connection: ConnectionState }
  | { readonly type: 'screen'; readonly width: number; readonly height: number }
  | { readonly type: 'screens'; readonly max: number; readonly screens: readonly ScreenRect[] }
  /** The canvas has a picture; live: of this connection. */
  | { readonly type: 'painted'; readonly live: boolean }
  /** What was seen last: the answer to `stop`. */
  | { readonly type: 'lastPicture'; readonly picture: ImageBitmap }
  | { readonly type: 'cursorShape'; readonly shape: CursorShape }
  | { readonly type: 'cursorMove'; readonly x: number; readonly y: number }
  | { readonly type: 'leds'; readonly leds: Leds }
  | { readonly type: 'notice'; readonly kind: string; readonly text: string }
  | { readonly type: 'agents'; readonly agents: Agents }
  /** The guest copied this. */
  | { readonly type: 'guestClipboard'; readonly contents: ClipboardContents }
  | {
      readonly type: 'upload';
      readonly id: number;
      readonly state: 'sending' | 'done' | 'failed';
      /** Bytes that the guest has taken. */
      readonly received: number;
      /** Why it failed; one plain sentence. */
      readonly text: string;
    }
  /** The guest sends a file; `id` counts up. */
  | { readonly type: 'fileOffer'; readonly id: number; readonly name: string; readonly size: number }
  | {
      readonly type: 'download';
      readonly id: number;
      readonly state: 'receiving' | 'done' | 'failed' | 'withdrawn';
      /** Bytes that are stored here. */
      readonly received: number;
      /** Why it failed; one plain sentence. */
      readonly text: string;
      /** What is done and was to come here. */
      readonly blob: Blob | null;
    }
  | { readonly type: 'stats'; readonly stats: Stats }
  | { readonly type: 'response'; readonly id: number; readonly value: unknown };

/** One input's way to the screen, in milliseconds. */
export interface LatencySample {
  readonly seq: number;
  /** From the browser's event to the server: what the other stages do not explain. */
  readonly toServer: number;
  readonly inputToGuest: number;
  readonly guestToFlush: number;
  readonly flushToSent: number;
  /** Half of the quickest recent round trip, and receipt, decoding and painting. */
  readonly sentToPresented: number;
  /** From the browser's event to the painted picture. */
  readonly total: number;
}

export const STAGES = ['toServer', 'inputToGuest', 'guestToFlush', 'flushToSent', 'sentToPresented', 'total'] as const;
export type Stage = (typeof STAGES)[number];

export interface Spread {
  readonly p50: number;
  readonly p95: number;
}

/** Sound since the connection was made. */
export interface AudioStats {
  readonly packets: number;
  /** Packets that the server dropped because the line was slow. */
  readonly missing: number;
  /** What waits for the sound card. */
  readonly bufferMs: number;
  /** Times that nothing did, in the middle of a sound. */
  readonly underruns: number;
}

/** Over the last five seconds, where nothing else is said. */
export interface Stats {
  readonly width: number;
  readonly height: number;
  readonly framesPerSecond: number;
  readonly bytesPerSecond: number;
  /** Share of the painted pixels that came as video, 0 to 1. */
  readonly videoShare: number;
  /** Whether the picture on the screen now is pixel for pixel the guest's. */
  readonly lossless: boolean;
  /** What comparing it with the server's own said; `null`: it was not compared. */
  readonly hashCheck: 'same' | HashMismatch | null;
  /** Frames received and not yet painted. */
  readonly inFlight: number;
  /** `null` before the first answer. */
  readonly roundTripMs: number | null;
  readonly decodeMs: Spread | null;
  readonly presentMs: Spread | null;
  readonly encodeMs: Spread | null;
  readonly latency: Readonly<Record<Stage, Spread>> | null;
  readonly h264: 'decoding' | 'unavailable' | 'failed';
  readonly videoOnly: boolean;
  readonly audio: AudioStats;
  /** Since the connection was made. */
  readonly framesPainted: number;
  readonly bytesReceived: number;
  readonly unknownMessages: number;
  /** The newest 512 answered inputs of this connection. */
  readonly samples: readonly LatencySample[];
}
