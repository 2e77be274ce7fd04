// Oriel: its server, its machine, its page.
import { login, openDesktop, visit } from '../../browser/browser.mjs';
import { Oriel } from '../../browser/oriel.mjs';
import { Wire } from '../../browser/proxy.mjs';
import { familySeconds } from '../process.mjs';

export const name = 'oriel';

/** It is always here. */
export const lacks = () => null;

/**
 * A user with one desktop of `scene`, open in the browser. `words` go to the guest: its pixels lie in guest memory
 * unless told otherwise, as those of Linux guests do. `onWire` leads a line to the server's port.
 */
export async function open(browser, scene, { words = 'blob=1', onWire = Wire.to } = {}) {
  const oriel = await Oriel.create({ scenes: [scene], words });
  let wire;
  const close = async () => {
    await wire?.close();
    await oriel.destroy();
  };
  try {
    await oriel.addUser('ada', 'a long password', scene);
    await oriel.start();
    wire = await onWire(oriel.port);
    const page = await visit(browser);
    await login(page, wire.url, 'ada', 'a long password');
    await openDesktop(page, { exact: false });
    return {
      page,
      wire,
      oriel,
      canvas: 'canvas.screen',
      serial: () => oriel.serial(),
      serverSeconds: () => familySeconds(oriel.server.pid),
      /** Frames that the page took and painted: one is sent for each that was acknowledged. */
      painted: async () => (await oriel.describe()).counters.frames,
      close: async () => {
        await page.context().close();
        await close();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}
