import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { storedSwitch } from './stored-setting';

describe('stored setting', () => {
  const stored = new Map<string, string>();
  let onStorage: (event: { readonly key: string }) => void;
  beforeEach(() => {
    stored.clear();
    vi.stubGlobal('localStorage', {
      getItem: (key: string) => stored.get(key) ?? null,
      setItem: (key: string, value: string) => stored.set(key, value),
    });
    vi.stubGlobal('window', {
      addEventListener: (_: string, listener: typeof onStorage) => {
        onStorage = listener;
      },
    });
  });
  afterEach(() => vi.unstubAllGlobals());

  it('is restored by the next page', () => {
    const first = storedSwitch('a');
    expect(first.value).toBe(true);
    first.value = false;
    expect(storedSwitch('a').value).toBe(false);
    expect(storedSwitch('b').value).toBe(true);
  });

  it('follows other windows only if it is synchronized', () => {
    const [alone, together] = [storedSwitch('a'), storedSwitch('a').syncAcrossWindows()];
    stored.set('a', 'off');
    onStorage({ key: 'b' });
    expect(together.value).toBe(true);
    onStorage({ key: 'a' });
    expect([alone.value, together.value]).toEqual([true, false]);
  });

  it('lasts as long as the page without storage', () => {
    vi.stubGlobal('localStorage', {
      getItem: () => {
        throw new Error('refused');
      },
      setItem: () => {
        throw new Error('refused');
      },
    });
    const setting = storedSwitch('a');
    setting.value = false;
    expect(setting.value).toBe(false);
  });
});
