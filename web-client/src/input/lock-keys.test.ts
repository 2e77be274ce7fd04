import { describe, expect, it } from 'vitest';
import { LockKeys } from './lock-keys';

const typing = (code: string, on: readonly string[] = []): Parameters<LockKeys['keysToToggle']>[0] => ({
  code,
  getModifierState: (key) => on.includes(key),
});

describe('lock keys', () => {
  it('are toggled where the guest differs, once after each focus', () => {
    const locks = new LockKeys('other');
    locks.setLeds({ num: false, caps: true, scroll: false });
    expect(locks.keysToToggle(typing('KeyA', ['NumLock']))).toEqual([58, 69]);
    expect(locks.keysToToggle(typing('KeyA', ['NumLock']))).toEqual([]);
    locks.invalidate();
    expect(locks.keysToToggle(typing('KeyA', ['NumLock', 'CapsLock']))).toEqual([69]);
  });

  it('do not change NumLock for keyboards without one', () => {
    const locks = new LockKeys('mac');
    locks.setLeds({ num: true, caps: true, scroll: false });
    expect(locks.keysToToggle(typing('KeyA', ['CapsLock']))).toEqual([]);
  });

  it('are not toggled without LEDs of the guest, or by their own press', () => {
    const locks = new LockKeys('other');
    expect(locks.keysToToggle(typing('KeyA', ['CapsLock']))).toEqual([]);
    locks.setLeds({ num: false, caps: false, scroll: false });
    expect(locks.keysToToggle(typing('CapsLock', ['CapsLock']))).toEqual([]);
  });
});
