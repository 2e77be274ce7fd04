/**
 * Entry point of the worker. The worker owns the WebSocket, the decoders and the canvas; the page owns input, and
 * posts its events here.
 */
import type { MonitorConfig } from '../protocol/client-messages';
import type { FromWorker, WorkerRequest, StartRequest, ToWorker } from './messages';
import { opusEncodable } from './microphone';
import { ConnectionManager } from './connection-manager';
import { Surface } from './surface';
import { h264Available } from './video';
import { loadZstd } from './zstd';

const STATS_EVERY_MS = 500;

let manager: ConnectionManager | null = null;
let surface: Surface | null = null;
/** Requested monitor configuration; as a rule it arrives before the manager exists. */
let monitor: MonitorConfig | null = null;
/** Whether the canvas shows a picture of the desktop. */
let painted = false;
let statsTimer: ReturnType<typeof setInterval> | undefined;

/** Posts a message to the page. */
function post(message: FromWorker, transfer: Transferable[] = []): void {
  painted ||= message.type === 'painted';
  self.postMessage(message, { transfer });
}

self.onmessage = ({ data }: MessageEvent<ToWorker>): void => {
  switch (data.type) {
    // The only kind that is sensitive to latency.
    case 'input':
      manager?.connection?.sendInput(data.input);
      break;
    case 'start':
      void start(data);
      break;
    case 'videoOnly':
      manager?.setVideoOnly(data.on);
      break;
    case 'verify':
      manager?.setVerify(data.on);
      break;
    case 'layout':
      monitor = data.monitor;
      manager?.requestLayout(monitor);
      break;
    case 'audio':
      manager?.setAudio(data.audio);
      break;
    case 'speaker':
      manager?.attachSpeaker(data.port);
      break;
    case 'microphone':
      manager?.attachMicrophone(data.port);
      break;
    case 'sendFile':
      manager?.uploads.send(data.id, data.file);
      break;
    case 'cancelFile':
      manager?.uploads.cancel(data.id);
      break;
    case 'acceptFile':
      manager?.downloads.accept(data.id, data.handle);
      break;
    case 'declineFile':
      manager?.downloads.decline(data.id);
      break;
    case 'reconnect':
      manager?.connect();
      break;
    case 'offline':
      manager?.onOffline();
      break;
    case 'subscribeStats':
      subscribeStats(data.on);
      break;
    case 'request':
      void respond(data.id, data.request);
      break;
    case 'stop':
      manager?.stop();
      if (surface !== null && painted) {
        const picture = surface.takeBitmap();
        post({ type: 'lastPicture', picture }, [picture]);
      }
      self.close();
      break;
  }
};

/** Creates the surface, restores the cached picture and connects; posts `closed` when the browser lacks a feature. */
async function start(request: StartRequest): Promise<void> {
  try {
    surface = new Surface(request.canvas, () => manager?.refresh());
    if (request.lastPicture !== null) {
      surface.restore(request.lastPicture);
      post({ type: 'screen', width: surface.width, height: surface.height });
      post({ type: 'painted', live: false });
    }
    const [unzstd, h264] = await Promise.all([loadZstd(), h264Available()]);
    manager = new ConnectionManager({ request, surface, unzstd, h264, post });
    manager.requestLayout(monitor);
    manager.connect();
  } catch (error) {
    const text = error instanceof Error ? error.message : 'The picture cannot be shown in this browser.';
    post({ type: 'connection', connection: { state: 'closed', code: 'unsupported', text } });
  }
}

/** Starts or stops posting statistics. */
function subscribeStats(on: boolean): void {
  clearInterval(statsTimer);
  if (on) {
    statsTimer = setInterval(postStats, STATS_EVERY_MS);
  }
}

function postStats(): void {
  const stats = manager?.stats();
  if (stats) {
    post({ type: 'stats', stats });
  }
}

/** Posts the response to a request; `null` where there is none. */
async function respond(id: number, request: WorkerRequest): Promise<void> {
  let value: unknown = null;
  try {
    value = await resolve(request);
  } catch {
    // The rectangle exceeds the screen, or the canvas has no picture: the response is `null`.
  }
  post({ type: 'response', id, value });
}

/** Computes the value of a response. */
async function resolve(request: WorkerRequest): Promise<unknown> {
  if (request.kind === 'microphone') {
    return opusEncodable();
  }
  if (request.kind === 'clipboard') {
    return (await manager?.clipboard.offer(request.contents)) ?? false;
  }
  if (surface === null) {
    return null;
  }
  switch (request.kind) {
    case 'stats':
      return manager?.stats() ?? null;
    case 'pixels':
      return surface.read(request.rect);
    case 'hash': {
      const digest = await crypto.subtle.digest('SHA-256', surface.read(request.rect));
      return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
    }
    case 'screenshot':
      return surface.png();
  }
}
