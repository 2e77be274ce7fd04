// Starts the demo user's desktop through the API, as the page would, and waits until it has booted.
// Usage: boot.mjs URL NAME PASSWORD_FILE STATE_DIR
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const [url, name, passwordFile, state] = process.argv.slice(2);
const password = readFileSync(passwordFile, 'utf8').trim();
// The image's own line on the serial console, written when the user's session is up.
const READY = 'oriel: the desktop is ready';
const PATIENCE_S = 900;

function fail(sentence) {
  console.error(`make demo: ${sentence}`);
  process.exit(1);
}

async function call(method, path, { cookie, csrf, body } = {}) {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: {
      Origin: url,
      ...(body && { 'Content-Type': 'application/json' }),
      ...(cookie && { Cookie: cookie }),
      ...(csrf && { 'X-Oriel-CSRF': csrf }),
    },
    body: body && JSON.stringify(body),
  });
  const text = await response.text();
  const answer = text ? JSON.parse(text) : null;
  if (!response.ok) fail(answer?.error?.text ?? `${method} ${path} answered ${response.status}.`);
  return { answer, cookie: response.headers.get('set-cookie')?.split(';')[0] };
}

const { answer, cookie } = await call('POST', '/api/login', { body: { name, password } });
const csrf = answer.session.csrf;
const [desktop] = (await call('GET', '/api/desktops', { cookie })).answer;
if (!desktop) fail('the demo user has no desktop; remove .demo/ and run make demo again.');
console.log(`      ${desktop.machine_text}`);
if (desktop.state !== 'running') await call('POST', `/api/desktops/${desktop.id}/start`, { cookie, csrf, body: {} });

const serial = join(state, 'desktops', desktop.id, 'serial.log');
const began = Date.now();
const said = new Set();
function say(what) {
  if (said.has(what)) return;
  said.add(what);
  console.log(`      ${String(Math.round((Date.now() - began) / 1000)).padStart(4)} s  ${what}`);
}
for (;;) {
  const now = (await call('GET', `/api/desktops/${desktop.id}`, { cookie })).answer;
  if (now.state === 'failed' || now.state === 'stopped') fail(now.reason ?? 'the desktop did not start; see .demo/server.log.');
  say(now.state === 'running' ? 'the machine is running' : 'the machine is being made');
  if (now.screen) say(`it shows a picture of ${now.screen.width}x${now.screen.height}`);
  let log = '';
  try {
    log = readFileSync(serial, 'utf8');
  } catch {
    // Not there before the guest's first line.
  }
  if (log.includes(READY)) break;
  if ((Date.now() - began) / 1000 > PATIENCE_S) {
    fail(`the desktop did not come up within ${PATIENCE_S / 60} minutes; open ${url} to see how far it got, or read ${serial}.`);
  }
  await new Promise((tick) => setTimeout(tick, 1000));
}
say('the desktop is up');
await call('POST', '/api/logout', { cookie, csrf, body: {} });
