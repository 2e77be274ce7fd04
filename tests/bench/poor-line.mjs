// A poor line between the browser and a server: 1 Mbit/s, 100 ms there and back, stalls of 200 ms once in 5 s.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { root } from '../browser/oriel.mjs';

export class PoorLine {
  static async to(port) {
    const line = new PoorLine();
    line.relay = spawn(join(root, 'target/release/shape-line'), ['127.0.0.1:0', `127.0.0.1:${port}`], { stdio: ['pipe', 'pipe', 'inherit'] });
    line.said = createInterface({ input: line.relay.stdout });
    const [listening] = await once(line.said, 'line');
    line.port = Number(listening.split(':').at(-1));
    line.url = `http://127.0.0.1:${line.port}`;
    return line;
  }

  /** The worst of the queue towards the browser since it was asked last: `bytes`, `ms`. */
  async queued() {
    const answer = once(this.said, 'line');
    this.relay.stdin.write('queued\n');
    return JSON.parse((await answer)[0]);
  }

  /** It ends with its input. */
  async close() {
    const ended = once(this.relay, 'close');
    this.relay.stdin.end();
    this.relay.kill();
    await ended;
  }
}
