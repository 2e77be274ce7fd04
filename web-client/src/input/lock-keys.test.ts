import { describe, expect, it } from 'vitest';
import { LockKeys } from './lock-keys';

const typing = (code: string, on: readonly string[] = []): Parameters<LockKeys['settle']>[0] => ({
  code,
  getModifierState: (key) => on.includes(key),
});

describe('lock keys', () => {
  it('are tapped where the guest differs, once after each return', () => {
    const locks = new LockKeys('other');
    locks.report({ num: false, caps: true, scroll: false });
    expect(locks.settle(typing('KeyA', ['NumLock']))).toEqual([58, 69]);
    expect(locks.settle(typing('KeyA', ['NumLock']))).toEqual([]);
    locks.refocus();
    expect(locks.settle(typing('KeyA', ['NumLock', 'CapsLock']))).toEqual([69]);
  });

  it('leave NumLock alone on keyboards without one', () => {
    const locks = new LockKeys('mac');
    locks.report({ num: true, caps: true, scroll: false });
    expect(locks.settle(typing('KeyA', ['CapsLock']))).toEqual([]);
  });

  it('are left alone by a guest without lights, and by their own press', () => {
    const locks = new LockKeys('other');
    expect(locks.settle(typing('KeyA', ['CapsLock']))).toEqual([]);
    locks.report({ num: false, caps: false, scroll: false });
    expect(locks.settle(typing('CapsLock', ['CapsLock']))).toEqual([]);
  });
});
