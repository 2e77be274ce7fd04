// xpra with its own HTML5 client, and an X program that draws what the bench guest draws.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { visit } from '../../browser/browser.mjs';
import { freePort, root, until } from '../../browser/oriel.mjs';
import { Wire } from '../../browser/proxy.mjs';
import { familySeconds } from '../process.mjs';

export const name = 'xpra';

const CLIENT = '/usr/share/xpra/www';
const CANVAS = '.window-NORMAL canvas';
const DRAWS = 'scene-window';
/** Not the picture's affair. */
const OFF = [
  'mdns', 'pulseaudio', 'notifications', 'printing', 'webcam', 'file-transfer', 'start-new-commands', 'systemd-run',
  'dbus-control',
].map((what) => `--${what}=no`);

export const lacks = () => (existsSync(`${CLIENT}/index.html`) ? null : 'Debian has no package xpra with an HTML5 client here');

export async function open(browser, scene, { onWire = Wire.to } = {}) {
  const dir = await mkdtemp(join(tmpdir(), 'oriel-bench-xpra-'));
  const log = async () => readFile(join(dir, 'log'), 'utf8').catch(() => '');
  const port = await freePort();
  const xvfb = 'Xvfb -screen 0 2560x1440x24 -nolisten tcp -noreset +extension Composite +extension DAMAGE';
  const words = [
    'start', `:${port}`, '--daemon=no', '--html=on', `--bind-tcp=127.0.0.1:${port}`, `--socket-dirs=${dir}`, '--dbus-launch=',
    '--speaker=disabled', '--microphone=disabled', ...OFF, `--xvfb=${xvfb}`, '--exit-with-children=yes',
    `--start-child=${join(root, 'target/release', DRAWS)} ${scene}`,
  ];
  // Without the system's configuration, which starts a session of programs.
  const env = { ...process.env, HOME: dir, XDG_RUNTIME_DIR: dir, XPRA_SYSTEM_CONF_DIRS: dir };
  const server = spawn('sh', ['-c', `exec xpra "$@" > ${join(dir, 'log')} 2>&1`, 'sh', ...words], { env, stdio: 'ignore' });
  const ended = new Promise((done) => server.on('close', done));
  process.once('exit', () => server.kill());
  let wire;
  const close = async () => {
    server.kill();
    await ended;
    await wire?.close();
    await rm(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  };
  try {
    await until('xpra to start', async () => (await log()).includes('xpra is ready'), 60);
    wire = await onWire(port);
    // xpra keeps the lowest line of a page to itself.
    const page = await visit(browser, { viewport: { width: 1920, height: 1081 } });
    await page.goto(`${wire.url}/index.html?submit=true&server=127.0.0.1&port=${wire.port}&sound=false&keyboard_layout=us`);
    await until('the window to be shown', () => page.evaluate((at) => document.querySelector(at)?.height === 1080, CANVAS));
    return {
      page,
      wire,
      canvas: CANVAS,
      serial: log,
      serverSeconds: () => familySeconds(server.pid, DRAWS),
      close: async () => {
        await page.context().close();
        await close();
      },
    };
  } catch (error) {
    console.error(await log());
    await close();
    throw error;
  }
}
