// A sound card that nobody hears, for browsers that play nothing where there is none.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from './oriel.mjs';

/** PulseAudio with a null sink. `env` leads a browser to it. */
export async function soundCard() {
  const dir = await mkdtemp(join(tmpdir(), 'oriel-sound-'));
  const socket = join(dir, 'socket');
  const modules = ['module-null-sink', `module-native-protocol-unix socket=${socket} auth-anonymous=1`];
  const args = ['-n', '--daemonize=no', '--exit-idle-time=-1', '--use-pid-file=no', ...modules.flatMap((module) => ['-L', module])];
  const daemon = spawn('pulseaudio', args, { stdio: 'ignore', env: { ...process.env, HOME: dir, XDG_RUNTIME_DIR: dir } });
  daemon.on('error', () => {});
  const close = async () => {
    daemon.kill();
    await rm(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  };
  try {
    await until('PulseAudio, from the package of this name', () => existsSync(socket), 10);
  } catch (error) {
    await close();
    throw error;
  }
  return { env: { PULSE_SERVER: `unix:${socket}` }, close };
}
