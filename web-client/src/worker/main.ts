/** The worker's entry: it owns the socket, the decoders and the canvas; the page owns input. */
import type { MonitorConfig } from '../protocol/client-messages';
import type { FromWorker, Question, StartRequest, ToWorker } from './messages';
import { opusEncodable } from './microphone';
import { Session } from './connection-manager';
import { Surface } from './surface';
import { h264Available } from './video';
import { loadZstd } from './zstd';

const STATS_EVERY_MS = 500;

let session: Session | null = null;
let surface: Surface | null = null;
/** Said before the session is there, as a rule. */
let wanted: MonitorConfig | null = null;
/** The canvas has a picture of the desktop. */
let painted = false;
let statsTimer: ReturnType<typeof setInterval> | undefined;

function post(message: FromWorker, transfer: Transferable[] = []): void {
  painted ||= message.type === 'painted';
  self.postMessage(message, { transfer });
}

self.onmessage = ({ data }: MessageEvent<ToWorker>): void => {
  switch (data.type) {
    // First, for it is the one that must not wait.
    case 'input':
      session?.input(data);
      break;
    case 'start':
      void start(data);
      break;
    case 'videoOnly':
      session?.setVideoOnly(data.on);
      break;
    case 'verify':
      session?.setVerify(data.on);
      break;
    case 'want':
      wanted = data.screen;
      session?.want(wanted);
      break;
    case 'sound':
      session?.setSound(data);
      break;
    case 'speaker':
      session?.attachSpeaker(data.port);
      break;
    case 'microphone':
      session?.attachMicrophone(data.port);
      break;
    case 'sendFile':
      session?.uploads.send(data.id, data.file);
      break;
    case 'cancelFile':
      session?.uploads.cancel(data.id);
      break;
    case 'takeFile':
      session?.downloads.take(data.id, data.handle);
      break;
    case 'declineFile':
      session?.downloads.decline(data.id);
      break;
    case 'reconnect':
      session?.connect();
      break;
    case 'offline':
      session?.offline();
      break;
    case 'watchStats':
      watchStats(data.on);
      break;
    case 'ask':
      void answer(data.id, data.question);
      break;
    case 'stop':
      session?.stop();
      if (surface !== null && painted) {
        const picture = surface.surrender();
        post({ type: 'lastPicture', picture }, [picture]);
      }
      self.close();
      break;
  }
};

async function start(request: StartRequest): Promise<void> {
  try {
    surface = new Surface(request.canvas, () => session?.refresh());
    if (request.lastPicture !== null) {
      surface.restore(request.lastPicture);
      post({ type: 'screen', width: surface.width, height: surface.height });
      post({ type: 'painted', live: false });
    }
    const [unzstd, h264] = await Promise.all([loadZstd(), h264Available()]);
    session = new Session({ request, surface, unzstd, h264, post });
    session.want(wanted);
    session.connect();
  } catch (error) {
    const text = error instanceof Error ? error.message : 'The picture cannot be shown in this browser.';
    post({ type: 'connection', connection: { state: 'closed', code: 'unsupported', text } });
  }
}

function watchStats(on: boolean): void {
  clearInterval(statsTimer);
  if (on) {
    statsTimer = setInterval(postStats, STATS_EVERY_MS);
  }
}

function postStats(): void {
  const stats = session?.stats();
  if (stats) {
    post({ type: 'stats', stats });
  }
}

/** Answers `null` where there is nothing to tell. */
async function answer(id: number, question: Question): Promise<void> {
  let value: unknown = null;
  try {
    value = await find(question);
  } catch {
    // A rectangle outside of the screen, or a canvas without a picture: there is no answer.
  }
  post({ type: 'answer', id, value });
}

async function find(question: Question): Promise<unknown> {
  if (question.about === 'microphone') {
    return opusEncodable();
  }
  if (question.about === 'clipboard') {
    return (await session?.clipboard.offer(question.contents)) ?? false;
  }
  if (surface === null) {
    return null;
  }
  switch (question.about) {
    case 'stats':
      return session?.stats() ?? null;
    case 'pixels':
      return surface.read(question.rect);
    case 'hash': {
      const digest = await crypto.subtle.digest('SHA-256', surface.read(question.rect));
      return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
    }
    case 'screenshot':
      return surface.png();
  }
}
