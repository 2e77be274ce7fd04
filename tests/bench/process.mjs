// What processes cost, from /proc.
import { readFileSync, readdirSync } from 'node:fs';

const TICKS_PER_SECOND = 100; // USER_HZ, fixed on Linux

/** Processor seconds spent by each thread of a process, by thread name. */
export function threadSeconds(pid) {
  const spent = new Map();
  for (const tid of readdirSync(`/proc/${pid}/task`)) {
    const stat = readFileSync(`/proc/${pid}/task/${tid}/stat`, 'utf8');
    const name = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const seconds = (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
    spent.set(name, (spent.get(name) ?? 0) + seconds);
  }
  return spent;
}

/** Processor seconds of a process without the threads that run the guest. */
export function hostSeconds(pid) {
  let sum = 0;
  for (const [name, seconds] of threadSeconds(pid)) if (!name.startsWith('vcpu')) sum += seconds;
  return sum;
}

/** Resident memory in MiB: of the whole process, and of the guest's memory in it. */
export function residentMib(pid, guestMib) {
  const smaps = readFileSync(`/proc/${pid}/smaps`, 'utf8');
  let all = 0;
  let guest = 0;
  let size = 0;
  for (const line of smaps.split('\n')) {
    const field = /^(Size|Rss):\s+(\d+) kB/.exec(line);
    if (!field) continue;
    const kib = Number(field[2]);
    if (field[1] === 'Size') size = kib;
    else {
      all += kib;
      // Guest memory is by far the largest mapping; the VMM has none as large of its own.
      if (size >= (guestMib * 1024) / 2) guest += kib;
    }
  }
  return { all: all / 1024, guest: guest / 1024 };
}
