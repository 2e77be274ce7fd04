import { describe, expect, it } from 'vitest';
import { Backoff, decideOnClosed, decideOnTicketError, decideOnSocketClose } from './reconnect';

describe('back-off', () => {
  it('doubles, with jitter, up to a maximum', () => {
    const [shortest, longest] = [new Backoff(), new Backoff()];
    const delays = Array.from({ length: 8 }, () => [shortest.next(0), longest.next(0.999999)]);
    expect(delays.slice(0, 3)).toEqual([
      [200, 400],
      [400, 800],
      [800, 1600],
    ]);
    expect(delays.at(-1)).toEqual([7500, 15000]);
  });

  it('starts over after a success', () => {
    const backoff = new Backoff();
    backoff.next(0);
    backoff.next(0);
    expect(backoff.attempt).toBe(2);
    backoff.reset();
    expect(backoff.next(0)).toBe(200);
  });
});

describe('decision on a lost connection', () => {
  it('retries after a failure of the network or a restart of the server', () => {
    expect(decideOnSocketClose(1006)).toMatchObject({ action: 'retry', reason: 'network' });
    expect(decideOnSocketClose(1001)).toMatchObject({ action: 'retry', reason: 'restarting' });
    expect(decideOnSocketClose(1012)).toMatchObject({ action: 'retry', reason: 'restarting' });
    expect(decideOnClosed('internal', 'Oops.')).toMatchObject({ action: 'retry' });
    expect(decideOnClosed('forbidden', 'You have been logged out.')).toMatchObject({ action: 'retry' });
  });

  it('ends for stopped, replaced and incompatible connections', () => {
    for (const code of ['stopped', 'replaced', 'version']) {
      expect(decideOnClosed(code, 'So.')).toEqual({ action: 'end', code, text: 'So.' });
    }
  });
});

describe('decision on a refused ticket', () => {
  it('requires a login when the session has ended', () => {
    expect(decideOnTicketError(401, 'No.', null)).toMatchObject({ action: 'end', code: 'login' });
  });

  it('says why the connection before was closed', () => {
    const text = 'Your access to this desktop was withdrawn.';
    expect(decideOnTicketError(404, 'No.', null, text)).toEqual({ action: 'end', code: 'forbidden', text });
    expect(decideOnTicketError(401, 'No.', null, 'Disabled.')).toEqual({ action: 'end', code: 'login', text: 'Disabled.' });
    expect(decideOnTicketError(503, '', null, text)).toMatchObject({ action: 'retry' });
  });

  it('distinguishes an unreachable server from one that is not ready', () => {
    expect(decideOnTicketError(null, '', null)).toMatchObject({ action: 'retry', reason: 'network' });
    expect(decideOnTicketError(503, '', null)).toMatchObject({ action: 'retry', reason: 'restarting' });
  });

  it('waits for the time in Retry-After', () => {
    expect(decideOnTicketError(429, '', 12)).toMatchObject({ action: 'retry', afterMs: 12_000 });
  });

  it('ends for desktops that do not exist or are forbidden', () => {
    expect(decideOnTicketError(404, 'No.', null)).toMatchObject({ action: 'end', code: 'not_found' });
    expect(decideOnTicketError(403, 'No.', null)).toMatchObject({ action: 'end', code: 'forbidden', text: 'No.' });
    expect(decideOnTicketError(409, 'Being reset.', null)).toMatchObject({ action: 'end', code: 'failed', text: 'Being reset.' });
  });
});
