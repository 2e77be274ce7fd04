// QEMU with its own virtio-gpu, its VNC server over WebSocket, and Debian's noVNC.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { visit } from '../../browser/browser.mjs';
import { freePort, root, until } from '../../browser/oriel.mjs';
import { Wire } from '../../browser/proxy.mjs';
import { serveFolder } from '../files.mjs';
import { familySeconds } from '../process.mjs';

const NOVNC = '/usr/share/novnc';
const FIRST_VNC_PORT = 5900;

/**
 * The subject as it is by default, exact always; or `lossy`: JPEG, and nothing follows that makes it exact. (With
 * `lossy` alone QEMU would be adaptive, and send what noVNC 1.3 cannot read: Tight's gradient filter.)
 */
function subject(name, lossy) {
  const lacks = () => (existsSync(`${NOVNC}/vnc.html`) ? null : 'the package novnc is not installed');
  return { name, lacks, open: (browser, scene, options) => open(browser, scene, { ...options, lossy }) };
}

export const exact = subject('qemu-vnc', false);
export const lossy = subject('qemu-vnc-lossy', true);

async function open(browser, scene, { lossy, words = 'blob=1', onWire = Wire.to }) {
  const dir = await mkdtemp(join(tmpdir(), 'oriel-bench-vnc-'));
  const serial = () => readFile(join(dir, 'serial.log'), 'utf8').catch(() => '');
  const port = await freePort();
  const display = (await freePort()) - FIRST_VNC_PORT;
  const qemu = spawn('qemu-system-x86_64', [
    '-name', 'bench,debug-threads=on', '-accel', 'kvm', '-M', 'q35', '-m', '128', '-nodefaults', '-display', 'none',
    '-kernel', join(root, 'tests/guest/target/release/oriel-bench-guest'), '-append', `scene=${scene} ${words}`,
    '-vga', 'none', '-device', 'virtio-gpu-pci,xres=1920,yres=1080', '-device', 'virtio-keyboard-pci', '-device', 'virtio-tablet-pci',
    '-serial', `file:${join(dir, 'serial.log')}`,
    '-vnc', `127.0.0.1:${display},websocket=127.0.0.1:${port}${lossy ? ',lossy=on,non-adaptive=on' : ''}`,
  ], { stdio: ['ignore', 'ignore', 'inherit'] });
  const ended = new Promise((done) => qemu.on('close', done));
  process.once('exit', () => qemu.kill());
  const files = await serveFolder(NOVNC);
  let wire;
  const close = async () => {
    qemu.kill();
    await ended;
    await wire?.close();
    files.close();
    await rm(dir, { recursive: true });
  };
  try {
    await until('the guest to start', async () => (await serial()).includes('oriel-bench-guest ready'), 60);
    wire = await onWire(port);
    const page = await visit(browser);
    await page.goto(`${files.url}/vnc.html?autoconnect=true&resize=off&path=&host=127.0.0.1&port=${wire.port}`);
    const canvas = '#noVNC_container canvas';
    await until('noVNC to connect', () => page.evaluate((at) => document.querySelector(at)?.width === 1920, canvas), 30);
    await page.focus(canvas);
    return {
      page,
      wire,
      canvas,
      serial,
      serverSeconds: () => familySeconds(qemu.pid),
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
