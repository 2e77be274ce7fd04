// A table of our figures beside the peers', for people.
import { figures } from './figures.mjs';

const COMPARED = ['echo_latency_ms', 'bytes', 'psnr_db', 'presented_fps', 'server_cpu_percent', 'queued_ms'];
const WIDTH = 16;

const about = ({ name, scene, stage, percentile, when, line, after_ms: after }) =>
  [name, line, scene, stage, percentile, when, after && `${after} ms`].filter(Boolean).join(' ');

/** Prints every figure that a peer has too; behind a peer's, in how many parts of it ours goes. */
export function compare(ours) {
  const lines = new Map();
  for (const one of figures().filter(({ name }) => COMPARED.includes(name))) {
    const line = lines.get(about(one)) ?? {};
    lines.set(about(one), { ...line, [one.subject]: one.value });
  }
  const subjects = [...new Set(figures().map(({ subject }) => subject))];
  const column = (text) => `${text}`.padStart(WIDTH + 8);
  console.error(`${''.padEnd(46)}${subjects.map(column).join('')}`);
  for (const [what, values] of lines) {
    if (Object.keys(values).length < 2) continue;
    const cells = subjects.map((subject) => {
      const [value, own] = [values[subject], values[ours]];
      if (value === undefined) return '-';
      const said = typeof value === 'number' ? Math.round(value * 10) / 10 : value;
      const ratio = subject !== ours && typeof value === 'number' && typeof own === 'number' && value > 0;
      return ratio ? `${said} (${(own / value).toPrecision(2)})` : said;
    });
    console.error(`${what.padEnd(46)}${cells.map(column).join('')}`);
  }
  console.error('In parentheses: ours divided by theirs.');
}
