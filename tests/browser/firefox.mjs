// Firefox as Debian ships it, which Playwright cannot drive: the part of Playwright's page that the tests use, by
// puppeteer and WebDriver BiDi.
import puppeteer from 'puppeteer-core';
import { rmSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from './oriel.mjs';
import { soundCard } from './sound-card.mjs';

const executablePath = '/usr/bin/firefox-esr';
const PATIENCE_S = 30;

/** What Chromium is told by arguments: a microphone that beeps, for every page. */
const fakeMicrophone = { 'media.navigator.streams.fake': true, 'media.navigator.permission.disabled': true };

/** The panel of downloads takes the keys when it opens. */
const quietDownloads = { 'browser.download.alwaysOpenPanel': false };

/** See `launch` of browser.mjs. */
export async function launchFirefox({ microphone, ratio }) {
  const card = microphone ? await soundCard() : null;
  const browser = await puppeteer.launch({
    browser: 'firefox',
    executablePath,
    headless: true,
    acceptInsecureCerts: true,
    defaultViewport: null,
    args: ratio === 1 ? [] : ['--width=901', '--height=703'],
    extraPrefsFirefox: { ...quietDownloads, ...(microphone ? fakeMicrophone : {}), 'layout.css.devPixelsPerPx': `${ratio}` },
    env: { ...process.env, ...card?.env },
  });
  return {
    newContext: async (options) => new Context(await browser.createBrowserContext(), options),
    close: async () => {
      await browser.close();
      await card?.close();
    },
  };
}

class Context {
  #context;
  #options;

  constructor(context, options) {
    this.#context = context;
    this.#options = options;
  }

  async newPage() {
    const page = await this.#context.newPage();
    const { viewport } = this.#options;
    if (viewport !== null) {
      await page.setViewport(viewport);
      // A desktop that is opened before the window has its size is told of two.
      await until('the window to have its size', () => page.evaluate((width) => innerWidth === width, viewport.width));
    }
    return new Page(page, this);
  }

  async cookies() {
    return this.#context.cookies();
  }

  async close() {
    await this.#context.close();
  }
}

class Page {
  #page;
  #context;

  constructor(page, context) {
    this.#page = page;
    this.#context = context;
    this.mouse = page.mouse;
    this.keyboard = {
      down: (key) => page.keyboard.down(key),
      up: (key) => page.keyboard.up(key),
      type: (text) => page.keyboard.type(text),
      /** A key, with others held before it: `Control+v`. */
      press: async (chord, options) => {
        const keys = chord === '+' ? ['+'] : chord.split('+');
        const last = keys.pop();
        for (const key of keys) await page.keyboard.down(key);
        await page.keyboard.press(last, options);
        for (const key of keys.reverse()) await page.keyboard.up(key);
      },
    };
    this.request = { get: (url) => this.#fetch(url, {}), post: (url, { headers, data }) => this.#post(url, headers, data) };
  }

  context() {
    return this.#context;
  }

  url() {
    return this.#page.url();
  }

  goto(url) {
    return this.#page.goto(url);
  }

  title() {
    return this.#page.title();
  }

  setViewportSize(size) {
    return this.#page.setViewport(size);
  }

  close() {
    return this.#page.close();
  }

  reload() {
    return this.#page.reload();
  }

  evaluate(act, argument) {
    return this.#page.evaluate(act, argument);
  }

  addInitScript(script) {
    return this.#page.evaluateOnNewDocument(script);
  }

  /** Firefox does not let WebDriver BiDi choose light or dark. */
  async emulateMedia() {}

  screenshot(options) {
    return this.#page.screenshot(options);
  }

  async waitForEvent(name) {
    if (name === 'popup') return new Promise((done) => this.#page.once('popup', (page) => done(new Page(page, this.#context))));
    if (name !== 'filechooser') throw new Error(`no test waits for ${name} in Firefox`);
    const chooser = await this.#page.waitForFileChooser();
    return { setFiles: (files) => onDisk(files, (paths) => chooser.accept(paths)) };
  }

  getByRole(role, options) {
    return new Found(this.#page, [{ role, ...plain(options) }]);
  }

  getByLabel(label, options) {
    return new Found(this.#page, [{ label, ...plain(options) }]);
  }

  getByText(text, options) {
    return new Found(this.#page, [{ text: pattern(text), ...plain(options) }]);
  }

  locator(css, options) {
    return new Found(this.#page, [{ css, ...plain(options) }]);
  }

  async #fetch(url, init) {
    const { status, body } = await this.#page.evaluate(async (to, how) => {
      const answer = await fetch(to, how);
      return { status: answer.status, body: await answer.text() };
    }, url, init);
    return { status: () => status, ok: () => status < 300, json: () => JSON.parse(body) };
  }

  #post(url, { Origin: _, ...headers }, data) {
    return this.#fetch(url, { method: 'POST', headers: { ...headers, 'Content-Type': 'application/json' }, body: JSON.stringify(data) });
  }
}

/** Files from memory: a browser reads them when the page does, so they stay to the end. */
async function onDisk(files, use) {
  const dir = await mkdtemp(join(tmpdir(), 'oriel-files-'));
  const paths = files.map(({ name }) => join(dir, name));
  await Promise.all(files.map(({ buffer }, at) => writeFile(paths[at], buffer)));
  process.on('exit', () => rmSync(dir, { recursive: true, force: true }));
  await use(paths);
}

/** Elements that are looked for anew whenever one is needed. */
class Found {
  #page;
  #steps;

  constructor(page, steps) {
    this.#page = page;
    this.#steps = steps;
  }

  getByRole(role, options) {
    return this.#within({ role, ...plain(options) });
  }

  getByText(text, options) {
    return this.#within({ text: pattern(text), ...plain(options) });
  }

  locator(css, options) {
    return this.#within({ css, ...plain(options) });
  }

  filter({ hasText }) {
    return this.#within({ self: true, hasText: pattern(hasText) });
  }

  /** One of these or one of those. */
  or(other) {
    return new Found(this.#page, [{ either: [this.#steps, other.#steps] }]);
  }

  /** There is no need to say which: it is always the first that is to be seen. */
  first() {
    return this;
  }

  #within(step) {
    return new Found(this.#page, [...this.#steps, step]);
  }

  async #now() {
    const handle = await this.#page.evaluateHandle(find, this.#steps);
    return handle.asElement();
  }

  #element() {
    return until(`an element by ${JSON.stringify(this.#steps)}`, () => this.#now(), PATIENCE_S);
  }

  async #of(act, argument) {
    return (await this.#element()).evaluate(act, argument);
  }

  async waitFor({ state = 'visible' } = {}) {
    if (state === 'hidden') await until(`no element by ${JSON.stringify(this.#steps)}`, async () => (await this.#now()) === null, PATIENCE_S);
    else await this.#element();
  }

  async count() {
    return (await this.#now()) === null ? 0 : 1;
  }

  async isVisible() {
    return (await this.#now()) !== null;
  }

  /** What is animated, or replaced while it is aimed at, is clicked once it holds still. */
  async click() {
    await until(`a click on ${JSON.stringify(this.#steps)}`, async () => {
      await (await this.#element()).click();
      return true;
    }, PATIENCE_S);
  }

  async fill(text) {
    const element = await this.#element();
    await element.evaluate((field) => field.select());
    await element.type(text);
  }

  async focus() {
    await (await this.#element()).focus();
  }

  async selectOption(value) {
    await (await this.#element()).select(value);
  }

  evaluate(act, argument) {
    return this.#of(act, argument);
  }

  textContent() {
    return this.#of((element) => element.textContent);
  }

  inputValue() {
    return this.#of((element) => element.value);
  }

  getAttribute(name) {
    return this.#of((element, which) => element.getAttribute(which), name);
  }
}

/** Names and texts as they travel to the page. */
function plain({ name, hasText, exact = false } = {}) {
  return { name: pattern(name), hasText: pattern(hasText), exact };
}

function pattern(text) {
  return text instanceof RegExp ? { source: text.source, flags: text.flags } : text;
}

/** Runs in the page: the first element that can be seen and is reached by all steps, or `null`. */
function find(steps) {
  const roles = {
    alert: '[role=alert]', button: 'button:not([role]), [role=button]', dialog: 'dialog, [role=dialog]', heading: 'h1, h2, h3, h4',
    link: 'a[href]', menuitem: '[role=menuitem]', progressbar: 'progress', region: 'section, [role=region]', switch: '[role=switch]',
  };
  const tidy = (text) => (text ?? '').replace(/\s+/g, ' ').trim();
  const says = (text, wanted, exact) => {
    if (wanted === undefined) return true;
    if (typeof wanted === 'object') return new RegExp(wanted.source, wanted.flags).test(text);
    return exact ? text === wanted : text.toLowerCase().includes(wanted.toLowerCase());
  };
  const nameOf = (element) => {
    const by = element.getAttribute('aria-labelledby');
    const labelled = by && document.getElementById(by.split(' ')[0]);
    return tidy(element.getAttribute('aria-label') ?? labelled?.textContent ?? element.labels?.[0]?.textContent ?? element.textContent);
  };
  const texts = (root, { text, exact }) => {
    const all = [root, ...root.querySelectorAll('*')].filter((element) => says(tidy(element.textContent), text, exact));
    return all.filter((element) => !all.some((other) => other !== element && element.contains(other)));
  };
  const one = (root, step) => {
    if (step.either) return step.either.flatMap((other) => walk(other, [root]));
    let all;
    if (step.self) all = [root];
    else if (step.role) all = [...root.querySelectorAll(roles[step.role])].filter((element) => says(nameOf(element), step.name, step.exact));
    else if (step.label) {
      all = [...root.querySelectorAll('input, select, textarea')].filter((element) => says(nameOf(element), step.label, step.exact));
    } else if (step.text) all = texts(root, step);
    else all = [...root.querySelectorAll(step.css)];
    return all.filter((element) => says(tidy(element.textContent), step.hasText, false));
  };
  const walk = (path, from) => path.reduce((roots, step) => roots.flatMap((root) => one(root, step)), from);
  return walk(steps, [document]).find((element) => element.checkVisibility({ visibilityProperty: true })) ?? null;
}
