// One Oriel server with its own state, for one test file: real `oriel`, real `oriel-vmm`, the bench guest on KVM.
import { execFile, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
export const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const bin = join(root, 'target/release');
const METRICS_TOKEN = 'a token for metrics';
const guest = join(root, 'tests/guest/target/release/oriel-bench-guest');

/** A TCP port of loopback that was free a moment ago. */
export function freePort() {
  return new Promise((done, fail) => {
    const server = createServer();
    server.on('error', fail);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });
}

/** Polls until `probe` returns something truthy. */
export async function until(what, probe, seconds = 30) {
  const end = Date.now() + seconds * 1000;
  let last;
  for (;;) {
    try {
      const value = await probe();
      if (value) return value;
    } catch (error) {
      last = error;
    }
    if (Date.now() > end) throw new Error(`waited ${seconds} s for ${what}${last ? `: ${last.message}` : ''}`);
    await new Promise((tick) => setTimeout(tick, 100));
  }
}

export class Oriel {
  /** Makes the state: an image per scene with a pool of the same name; `words` go to the guest too. Nothing runs yet. */
  static async create({ scenes = ['echo'], words = '', machine = 'auto', config = '' } = {}) {
    const oriel = new Oriel();
    oriel.dir = await mkdtemp(join(tmpdir(), 'oriel-test-'));
    oriel.state = join(oriel.dir, 'state');
    oriel.port = await freePort();
    oriel.tlsPort = await freePort();
    oriel.configFile = join(oriel.dir, 'oriel.toml');
    const tokenFile = join(oriel.dir, 'metrics.token');
    await writeFile(tokenFile, METRICS_TOKEN, { mode: 0o600 });
    await writeFile(
      oriel.configFile,
      `state_dir = "${oriel.state}"\nlisten = "127.0.0.1:${oriel.tlsPort}"\n` +
        `plain_loopback = "127.0.0.1:${oriel.port}"\nmetrics_token_file = "${tokenFile}"\nweb_root = "${join(root, 'web-client/dist')}"\n${config}\n`,
    );
    for (const scene of scenes) {
      await oriel.cli('image', 'add', `bench-${scene}`, '--kernel', guest, '--cmdline', `scene=${scene} ${words}`.trim(), '--runs-at', 'user');
      await oriel.cli('pool', 'add', scene, '--image', `bench-${scene}`, '--cpus', '1', '--memory', '128', '--machine', machine);
    }
    return oriel;
  }

  /** One that runs, with a desktop of one scene for ada. */
  static async running({ scene = 'echo', ...options } = {}) {
    const oriel = await Oriel.create({ scenes: [scene], ...options });
    try {
      await oriel.addUser('ada', 'a long password', scene);
      await oriel.start();
      return oriel;
    } catch (error) {
      await oriel.destroy();
      throw error;
    }
  }

  get url() {
    return `http://127.0.0.1:${this.port}`;
  }

  /** The server's metrics as text. */
  async metrics() {
    return (await fetch(`${this.url}/metrics`, { headers: { authorization: `Bearer ${METRICS_TOKEN}` } })).text();
  }

  /** Runs a command of the `oriel` binary; resolves to its standard output. */
  async cli(...args) {
    const { stdout } = await run(join(bin, 'oriel'), ['--config', this.configFile, ...args], { cwd: this.dir });
    return stdout;
  }

  /** Runs a command of the `oriel-vmm` binary. */
  async vmm(...args) {
    const { stdout } = await run(join(bin, 'oriel-vmm'), args, { cwd: this.dir });
    return stdout;
  }

  async addUser(name, password, ...pools) {
    const child = spawn(join(bin, 'oriel'), ['--config', this.configFile, 'user', 'add', name, '--password-stdin', ...pools.flatMap((p) => ['--pool', p])], {
      cwd: this.dir,
      stdio: ['pipe', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr.on('data', (data) => (said += data));
    child.stdin.end(`${password}\n`);
    const code = await new Promise((done) => child.on('close', done));
    if (code !== 0) throw new Error(`oriel user add failed: ${said}`);
  }

  async start() {
    this.log = '';
    this.server = spawn(join(bin, 'oriel'), ['--config', this.configFile, 'serve'], { cwd: this.dir, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.server.stdout, this.server.stderr]) stream.on('data', (data) => (this.log += data));
    this.ended = new Promise((done) => this.server.on('close', done));
    await until(`the server to answer (it said: ${this.log})`, async () => {
      if (this.server.exitCode !== null) throw new Error(`the server ended: ${this.log}`);
      return (await fetch(`${this.url}/healthz`)).ok;
    });
  }

  /** Ends the server, not the desktops. */
  async stop(signal = 'SIGTERM') {
    if (this.server && this.server.exitCode === null && this.server.signalCode === null) this.server.kill(signal);
    await this.ended;
  }

  /** The folders of all desktops. */
  async desktops() {
    const folder = join(this.state, 'desktops');
    if (!existsSync(folder)) return [];
    const found = [];
    for (const id of await readdir(folder)) {
      const dir = join(folder, id);
      if (existsSync(join(dir, 'machine.json'))) found.push({ id, dir, socket: join(dir, 'vmm.sock') });
    }
    return found;
  }

  /** What the machine of the first desktop says of itself. */
  async describe() {
    const [desktop] = await this.desktops();
    return JSON.parse(await this.vmm('control', '--socket', desktop.socket, 'describe'));
  }

  /** What the guest of the only desktop wrote to its serial port. */
  async serial() {
    const [desktop] = await this.desktops();
    return readFile(join(desktop.dir, 'serial.log'), 'utf8').catch(() => '');
  }

  /** Stops everything and removes the state. */
  async destroy() {
    await this.stop('SIGKILL').catch(() => {});
    for (const desktop of await this.desktops()) await this.vmm('control', '--socket', desktop.socket, 'stop').catch(() => {});
    await rm(this.dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}
