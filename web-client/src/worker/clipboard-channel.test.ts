import { describe, expect, it } from 'vitest';
import { MAX_CLIPBOARD_BYTES, MAX_CHUNK } from '../protocol/client-messages';
import { ClientMessageKind } from '../protocol/message-kind';
import { ClipboardChannel } from './clipboard-channel';
import { fakeTransferChannel } from './fake-transfer-channel';

function setUp() {
  const { channel, sent, posted, post } = fakeTransferChannel();
  const clipboard = new ClipboardChannel(post);
  clipboard.attach(channel);
  const types = (): number[] => sent.map((message) => message[0] ?? 0);
  const answer = (request: number, bytes: Uint8Array<ArrayBuffer>, flags: { last?: boolean; failed?: boolean } = {}): void =>
    clipboard.onChunk({ request, bytes, last: flags.last ?? false, failed: flags.failed ?? false });
  return { clipboard, channel, posted, sent, types, answer };
}

const utf8 = (value: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(value);

describe('clipboard channel', () => {
  it('sends the offered contents in chunks, and refuses other types', async () => {
    const { clipboard, sent } = setUp();
    const text = 'x'.repeat(MAX_CHUNK + 1);
    expect(await clipboard.offer({ text, png: null })).toBe(true);
    await clipboard.onGuestRequest(5, 'text/plain');
    await clipboard.onGuestRequest(6, 'image/png');
    const [, first, second, refusal] = sent;
    expect(first?.length).toBe(6 + MAX_CHUNK);
    expect(Array.from(second ?? [])).toEqual([ClientMessageKind.ClipboardData, 5, 0, 0, 0, 1, 120]);
    expect(Array.from(refusal ?? [])).toEqual([ClientMessageKind.ClipboardData, 6, 0, 0, 0, 3]);
  });

  it('sends an empty text as one empty chunk', async () => {
    const { clipboard, sent } = setUp();
    await clipboard.offer({ text: '', png: null });
    await clipboard.onGuestRequest(1, 'text/plain');
    expect(Array.from(sent[1] ?? [])).toEqual([ClientMessageKind.ClipboardData, 1, 0, 0, 0, 1]);
  });

  it('requests contents copied in the guest, also when a chunk ends within a character', async () => {
    const { clipboard, posted, answer } = setUp();
    clipboard.onGuestOffer(['text/plain', 'image/png']);
    const bytes = utf8('grün');
    answer(1, bytes.slice(0, 3));
    answer(1, bytes.slice(3), { last: true });
    answer(2, new Uint8Array([1, 2, 3]), { last: true });
    const [message] = posted;
    expect(message).toMatchObject({ type: 'guestClipboard', contents: { text: 'grün' } });
    const png = message?.type === 'guestClipboard' ? message.contents.png : null;
    expect(await png?.arrayBuffer()).toEqual(new Uint8Array([1, 2, 3]).buffer);
  });

  it('posts the other types when one fails', () => {
    const { clipboard, posted, answer } = setUp();
    clipboard.onGuestOffer(['text/plain', 'image/png']);
    answer(1, utf8('a'), { last: true });
    answer(2, new Uint8Array(), { failed: true, last: true });
    expect(posted).toEqual([{ type: 'guestClipboard', contents: { text: 'a', png: null } }]);
  });

  it('leaves out contents above the maximum size', () => {
    const { clipboard, posted, answer } = setUp();
    clipboard.onGuestOffer(['text/plain']);
    answer(1, new Uint8Array(MAX_CLIPBOARD_BYTES));
    answer(1, new Uint8Array(1));
    expect(posted).toEqual([{ type: 'guestClipboard', contents: { text: null, png: null } }]);
  });

  it('ignores responses to superseded requests', () => {
    const { clipboard, posted, answer } = setUp();
    clipboard.onGuestOffer(['text/plain']);
    clipboard.onGuestOffer(['text/plain']);
    answer(1, utf8('old'), { last: true });
    expect(posted).toEqual([]);
    answer(2, utf8('new'), { last: true });
    expect(posted).toHaveLength(1);
  });

  it('repeats its offer on a new connection, unless the guest copied since', async () => {
    const { clipboard, channel, types } = setUp();
    await clipboard.offer({ text: 'a', png: null });
    clipboard.detach();
    clipboard.attach(channel);
    expect(types()).toEqual([ClientMessageKind.ClipboardOffer, ClientMessageKind.ClipboardOffer]);
    clipboard.onGuestOffer(['text/plain']);
    clipboard.detach();
    clipboard.attach(channel);
    expect(types()).toEqual([ClientMessageKind.ClipboardOffer, ClientMessageKind.ClipboardOffer, ClientMessageKind.ClipboardRequest]);
  });
});
