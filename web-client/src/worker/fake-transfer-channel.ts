import { MAX_CHUNK } from '../protocol/client-messages';
import type { FromWorker } from './messages';
import type { TransferChannel } from './transfer-channel';

/** Test double: a transfer channel that is always ready, with the messages sent over it and those posted to the page. */
export function fakeTransferChannel() {
  const posted: FromWorker[] = [];
  const sent: Uint8Array[] = [];
  const send = (message: ArrayBuffer): number => sent.push(new Uint8Array(message));
  const channel: TransferChannel = {
    send,
    chunkSize: () => MAX_CHUNK,
    sendChunk: send,
    readyForChunk: () => Promise.resolve(true),
    roundTrip: () => Promise.resolve(true),
  };
  return { channel, sent, posted, post: (message: FromWorker): number => posted.push(message) };
}
