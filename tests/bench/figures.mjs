// What `make bench` prints: one JSON object a line.

const printed = [];

/** Prints a figure; `value` is a number, or text where a number cannot say it. */
export function figure(name, value, unit, more = {}) {
  const rounded = typeof value === 'number' ? Math.round(value * 1000) / 1000 : value;
  const line = { name, value: rounded, unit, subject: 'oriel', ...more };
  printed.push(line);
  console.log(JSON.stringify(line));
}

/** All figures of this run. */
export const figures = () => printed;

/** The value at a share (0 to 1) of sorted values, by nearest rank. */
export const rank = (sorted, share) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];

/** Prints the median and the 99th percentile of samples. */
export function spread(name, samples, unit, more) {
  const sorted = [...samples].sort((a, b) => a - b);
  for (const [percentile, share] of [['p50', 0.5], ['p99', 0.99]]) {
    figure(name, rank(sorted, share) ?? 'none', unit, { ...more, percentile });
  }
}

export const wait = (ms) => new Promise((tick) => setTimeout(tick, ms));
