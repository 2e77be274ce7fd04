// The crates point one way, and what draws pixels or runs machines knows neither HTTP nor users.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { files, read, root } from './files.mjs';

const metadata = JSON.parse(
  execFileSync('cargo', ['metadata', '--format-version', '1', '--locked', '--filter-platform', 'x86_64-unknown-linux-gnu'], {
    cwd: root,
    maxBuffer: 1 << 28,
    stdio: ['ignore', 'pipe', 'inherit'],
  }),
);
const names = new Map(metadata.packages.map(({ id, name }) => [id, name]));
const members = new Set(metadata.workspace_members.map((id) => names.get(id)));
/** What a crate is built with; what only builds or tests it does not count. */
const needs = new Map(
  metadata.resolve.nodes.map(({ id, deps }) => [
    names.get(id),
    deps.filter(({ dep_kinds: kinds }) => kinds.some(({ kind }) => kind === null)).map(({ pkg }) => names.get(pkg)),
  ]),
);

/** Every crate that this one is built with, by whatever way, each with the way. */
function reached(crate) {
  assert.ok(needs.has(crate), `there is no crate ${crate}; did it get another name?`);
  const ways = new Map([[crate, crate]]);
  for (const [from, way] of ways) {
    for (const to of needs.get(from) ?? []) if (!ways.has(to)) ways.set(to, `${way} → ${to}`);
  }
  ways.delete(crate);
  return ways;
}

function knowsNone(crate, forbidden) {
  const found = [...reached(crate)].filter(([name]) => forbidden.test(name)).map(([, way]) => way);
  assert.deepEqual(found, []);
}

// The workspace's own crates that each may be built with, from the wire up to the server.
const DEVICES = ['oriel-agents', 'oriel-disk', 'oriel-jail', 'oriel-net', 'oriel-qemu', 'oriel-virtio'];
const MAY_KNOW = {
  'oriel-wire': [],
  'oriel-auth': [],
  'oriel-vmm-api': ['oriel-wire'],
  'oriel-display': ['oriel-wire'],
  'oriel-virtio': ['oriel-wire', 'oriel-display', 'oriel-disk', 'oriel-vmm-api'],
  'oriel-vmm': ['oriel-wire', 'oriel-display', 'oriel-vmm-api', ...DEVICES],
  'oriel-host': ['oriel-wire', 'oriel-vmm-api'],
  oriel: ['oriel-wire', 'oriel-auth', 'oriel-host', 'oriel-vmm-api'],
};
for (const [crate, allowed] of Object.entries(MAY_KNOW)) {
  test(`${crate} is built with no crate of ours above or beside it`, () => {
    const surplus = [...reached(crate)].filter(([name]) => members.has(name) && !allowed.includes(name));
    assert.deepEqual(surplus.map(([, way]) => way), []);
  });
}

const HTTP_SQL_AUTH =
  /^(axum|hyper|h2|http|httparse|reqwest|ureq|tower-http|warp|actix|tungstenite|tokio-tungstenite|sqlx|rusqlite|libsqlite3-sys|diesel|postgres|tokio-postgres|argon2|oriel-auth)(-|$)/;
for (const crate of ['oriel-wire', 'oriel-display', 'oriel-host', 'oriel-vmm-api', 'oriel-vmm', ...DEVICES]) {
  test(`${crate} is built with no HTTP, SQL or authentication`, () => knowsNone(crate, HTTP_SQL_AUTH));
}

test('the gateway names no Unix socket: it gets a stream from the host', () => {
  const named = files(/^server\/src\/gateway(\/|\.rs$)/).filter((file) => /UnixStream|UnixListener|UnixDatagram|unix::net/.test(read(file)));
  assert.deepEqual(named, []);
});
