// What processes cost, from /proc.
import { readFileSync, readdirSync } from 'node:fs';

const TICKS_PER_SECOND = 100; // USER_HZ, fixed on Linux

/** The name, the parent and the processor seconds in a `stat` file of /proc. */
function read(path) {
  const stat = readFileSync(path, 'utf8');
  const name = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { name, parent: Number(fields[1]), seconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND };
}

/** A process and all that it started, as process ids. */
export function family(pid) {
  const children = new Map();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const { parent } = read(`/proc/${entry}/stat`);
      children.set(parent, [...(children.get(parent) ?? []), Number(entry)]);
    } catch {
      // It ended meanwhile.
    }
  }
  const found = [pid];
  for (const member of found) found.push(...(children.get(member) ?? []));
  return found;
}

/** Threads that run the guest: `vcpu0` in Oriel, `CPU 0/KVM` in QEMU. */
const RUNS_GUEST = /^(vcpu|CPU )/;

/** Processor seconds of the threads of a process that run a guest. */
function vcpuSeconds(pid) {
  return readdirSync(`/proc/${pid}/task`).map((tid) => read(`/proc/${pid}/task/${tid}/stat`))
    .reduce((sum, thread) => sum + (RUNS_GUEST.test(thread.name) ? thread.seconds : 0), 0);
}

/** Processor seconds of a process, threads that have ended included, without the threads that run the guest. */
const hostSeconds = (pid) => read(`/proc/${pid}/stat`).seconds - vcpuSeconds(pid);

/**
 * Processor seconds of a process and all that it started, without the threads that run guests; `without` names
 * processes that do not count.
 */
export function familySeconds(pid, without = '') {
  return family(pid).filter((member) => read(`/proc/${member}/stat`).name !== without)
    .reduce((sum, member) => sum + hostSeconds(member), 0);
}

/** Processor seconds of the threads that run guests, of a process and all that it started. */
export function guestSeconds(pid) {
  return family(pid).reduce((sum, member) => sum + vcpuSeconds(member), 0);
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
