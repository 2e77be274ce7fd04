import { MAX_CHUNK } from '../protocol/client-messages';
import type { FromWorker } from './messages';
import type { Wire } from './wire';

/** For tests: a connection that is never busy, what was sent over it, and what the page was told. */
export function testWire() {
  const posted: FromWorker[] = [];
  const sent: Uint8Array[] = [];
  const send = (message: ArrayBuffer): number => sent.push(new Uint8Array(message));
  const wire: Wire = {
    send,
    piece: () => MAX_CHUNK,
    sendPiece: send,
    clear: () => Promise.resolve(true),
    roundTrip: () => Promise.resolve(true),
  };
  return { wire, sent, posted, post: (message: FromWorker): number => posted.push(message) };
}
