import { describe, expect, it } from 'vitest';
import { InputQueue } from './input-queue';

function setUp() {
  const queue = new InputQueue();
  const done: string[] = [];
  const later: (() => void)[] = [];
  const wait = (name: string): void => {
    const ready = new Promise<void>((resolve) => later.push(resolve));
    queue.runAfter(ready, () => done.push(name));
  };
  const act = (name: string): void => queue.run(() => done.push(name));
  const finish = async (): Promise<void> => {
    later.shift()?.();
    await Promise.resolve();
    await Promise.resolve();
  };
  return { queue, done, wait, act, finish };
}

describe('input queue', () => {
  it('runs actions at once while nothing waits', () => {
    const { done, act } = setUp();
    act('a');
    expect(done).toEqual(['a']);
  });

  it('keeps actions in order behind one that waits, and behind a second one', async () => {
    const { done, act, wait, finish } = setUp();
    wait('paste');
    act('a');
    wait('paste again');
    act('b');
    expect(done).toEqual([]);
    await finish();
    expect(done).toEqual(['paste', 'a']);
    await finish();
    expect(done).toEqual(['paste', 'a', 'paste again', 'b']);
    act('c');
    expect(done.at(-1)).toBe('c');
  });

  it('discards queued actions when cleared', async () => {
    const { queue, done, act, wait, finish } = setUp();
    wait('paste');
    act('a');
    queue.clear();
    act('b');
    await finish();
    expect(done).toEqual(['b']);
  });
});
