import { describe, expect, it } from 'vitest';
import { SendPacer } from './send-pacer';

const CHUNK_BYTES = 60 * 1024;

/** Sends for `seconds` over a line of so many bytes a second, with a queue of any length; gives what came, and the longest wait. */
async function overLine(bytesPerSecond: number, roundTripMs: (now: number) => number, seconds: number) {
  let now = 0;
  let free = 0;
  let came = 0;
  let longest = 0;
  const pings: { at: number; answer: () => void }[] = [];
  let last = 0;
  const ping = (): Promise<boolean> =>
    new Promise((resolve) => {
      const at = last + roundTripMs(last);
      pings.push({ at, answer: () => { resolve(true); } });
    });
  const pacer = new SendPacer(ping, () => now);
  const sending = (async () => {
    while (now < seconds * 1000) {
      await pacer.ready();
      const bytes = pacer.chunkSize(CHUNK_BYTES);
      free = Math.max(now, free) + (bytes / bytesPerSecond) * 1000;
      // The first round trips measure the path.
      longest = now > 2000 ? Math.max(longest, free - now) : 0;
      last = free;
      came += bytes;
      pacer.sent(bytes);
    }
  })();
  while (now < seconds * 1000) {
    // Resolved waiters run first.
    for (let turn = 0; turn < 8; turn += 1) await Promise.resolve();
    const next = pings.shift();
    if (next === undefined) break;
    now = Math.max(now, next.at);
    next.answer();
  }
  await Promise.race([sending, Promise.resolve()]);
  return { came, longest };
}

describe('send pacer', () => {
  it('uses a slow path fully and keeps the queueing delay short', async () => {
    const { came, longest } = await overLine(125_000, () => 100, 20);
    expect(came).toBeGreaterThan(125_000 * 20 * 0.8);
    expect(longest).toBeLessThan(250);
  });

  it('continues after the delay of the path has increased', async () => {
    const { came } = await overLine(1_000_000, (now) => (now < 2000 ? 20 : 300), 20);
    expect(came).toBeGreaterThan(1_000_000 * 20 * 0.3);
  });

  it('uses a fast path fully', async () => {
    const { came } = await overLine(10_000_000, () => 20, 10);
    expect(came).toBeGreaterThan(10_000_000 * 10 * 0.7);
  });

  it('resolves waiting senders when the connection has ended', async () => {
    const pacer = new SendPacer(() => Promise.resolve(false));
    for (let piece = 0; piece < 100; piece += 1) {
      await pacer.ready();
      pacer.sent(CHUNK_BYTES);
    }
  });
});
