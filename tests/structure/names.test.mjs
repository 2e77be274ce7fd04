// The words that the code had before it took the field's (virtio, RFB, SPICE, Firecracker, ...) do not come back.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { files, read } from './files.mjs';

/** Nowhere: not in code, not in what is logged, not in the documentation, however it is spelled; with `_`, joined only. */
const GONE = [
  'leash', 'cable', 'omens', 'doorkeeper', 'outfit', 'rehearsal', 'mourning', 'mourn', 'last words', 'callee', 'thawer',
  'parcel', 'ears', 'inlet', 'actuator', 'farewell', 'bury', 'let_down', 'end reason', 'guest link', 'desktop link',
  'own_disk',
];

/** Ordinary English in a sentence, but no name of anything: as a type, a module, a field, a function or a file. */
const NO_NAME = [
  'company', 'wish', 'wishes', 'notches', 'audience', 'equipment', 'supplies', 'wiring', 'incident', 'omen',
  'obey', 'unplugged', 'crossing', 'converse', 'conversation', 'world',
];

/** Names that are right elsewhere (a keyboard has letters), by the folder that must not have them. */
const NO_NAME_IN = { 'display/': ['letters'], 'server/src/gateway/': ['letters'] };

/** Types that may mean something else elsewhere, by the folder that must not define them. */
const NO_TYPE = {
  'display/': [
    'Rounds', 'Arrival', 'Desk', 'Wanted', 'Plan', 'Exchange', 'Mail', 'Piece', 'Nowhere', 'Subscription', 'Asked', 'Answer', 'Ending',
    'Anchors', 'Cells', 'Before', 'Picture', 'Line', 'Proofs', 'Known',
  ],
  'vmm/src/': ['Keeper', 'Resources', 'Told', 'Alarm', 'Driver', 'Order', 'Reach', 'Line'],
  'vmm/src/machine/': ['Message'],
  'vmm/net/': ['Dial', 'Reach'],
  'vmm/jail/': ['Reach'],
  'vmm/virtio/src/sound/': ['Line'],
  'server/': [
    'Handle', 'Order', 'News', 'Attention', 'Promise', 'Refusal', 'Base', 'Standing', 'Ways', 'Sharing', 'Bound', 'Presented', 'Person',
  ],
  'web-client/': ['Desk', 'Pace', 'Shadow', 'Typist'],
};

/** Types that meant several things: one crate at most may still define each. */
const ONE_TYPE = ['Seat', 'Refusal', 'Line', 'Order', 'Change', 'Room'];

/** Modules that have other names now. */
const NO_MODULE = new RegExp(
  [
    'display/src/(company|desk|exchange|moves|exact|subscription|picture)',
    'vmm/.*/(keeper|leash|generation|entropy|opening)',
    'server/.*/(people|world|crossing)',
    'web-client/src/(design|.*/(shadow|pace|typist|folds|desktop-link|desk))',
  ]
    .map((path) => `^${path}(/|\\.)`)
    .join('|'),
);

// What was applied is never edited, what was noted stays, and this list has to name them.
const EXEMPT = /(^|\/)(migrations|fixtures)\/|(^|\/)CHANGELOG\.md$|^tests\/structure\/names\.test\.mjs$/;
const TEXT = /\.(rs|ts|tsx|mjs|js|css|html|sh|toml|md|sql|json|service|sysusers|yml|yaml)$|(^|\/)(Makefile|run|customize|init|[a-z-]+)$/;
const sources = files(TEXT).filter((file) => !EXEMPT.test(file) && !/^tests\/fuzz\/(seeds|regressions)\/|lock(\.json)?$|^LICENSE$/.test(file));

/** A word in every spelling: apart, with underscores or hyphens, in capitals, as a part of a longer name. */
function spelled(words) {
  const [first, ...rest] = words.split(/[ _]/);
  const capital = (word) => word[0].toUpperCase() + word.slice(1);
  const camel = [first, ...rest].map(capital).join('');
  const lower = first + rest.map(capital).join('');
  const apart = [first, ...rest].join(words.includes('_') ? '[_-]?' : '[ _-]?');
  // In CamelCase the next letter is a capital; elsewhere no letter touches it.
  return new RegExp(`(?<![A-Za-z])(?:${apart}|${apart.toUpperCase()})(?![A-Za-z])|${camel}(?![a-z])|(?<![A-Za-z])${lower}(?=[A-Z])`);
}

/** A word as a name, or as a part of one; in prose it may stand. */
function named(word) {
  const capital = word[0].toUpperCase() + word.slice(1);
  return new RegExp(
    [
      `\\b${capital}(?=[A-Z:<(])|(?<=[a-z])${capital}(?![a-z])`,
      `\\b${word}(?=_[a-z])|(?<=[a-z]_)${word}\\b`,
      `\\b${word}::|::${word}\\b`,
      `\\b(?:struct|enum|trait|type|class|interface|mod|fn|function|use|let|const) (?:mut )?(?:${word}|${capital})\\b`,
      `(?<=[.#])${word}\\b(?!\\s+[a-z])`,
    ].join('|'),
  );
}

function hits(pattern, among) {
  const found = [];
  for (const file of among) {
    if (pattern.test(file)) found.push(file);
    read(file).split('\n').forEach((line, index) => {
      if (pattern.test(line)) found.push(`${file}:${index + 1}: ${line.trim().slice(0, 120)}`);
    });
  }
  return found;
}

function none(found) {
  assert.equal(found.length, 0, `${found.length} left, such as:\n${found.slice(0, 12).join('\n')}`);
}

for (const words of GONE) {
  test(`nothing is called '${words}'`, () => none(hits(spelled(words), sources)));
}

const code = sources.filter((file) => /\.(rs|ts|tsx|mjs|js|css)$/.test(file));
for (const word of NO_NAME) {
  test(`no name has '${word}' in it`, () => {
    const path = new RegExp(`(^|[/_-])${word}([/_.-]|$)`);
    none([...code.filter((file) => path.test(file)), ...hits(named(word), code)]);
  });
}

for (const [folder, words] of Object.entries(NO_NAME_IN)) {
  for (const word of words) {
    test(`no name in ${folder} has '${word}' in it`, () => none(hits(named(word), code.filter((file) => file.startsWith(folder)))));
  }
}

const definitionOf = (types) =>
  new RegExp(`^\\s*(?:export )?(?:pub(?:\\([a-z :]+\\))? )?(?:struct|enum|trait|type|class|interface) (?:${types.join('|')})\\b`);

for (const [folder, types] of Object.entries(NO_TYPE)) {
  test(`no type in ${folder} keeps a name that meant something else: ${types.join(', ')}`, () => {
    none(hits(definitionOf(types), code.filter((file) => file.startsWith(folder))));
  });
}

for (const type of ONE_TYPE) {
  test(`'${type}' means one thing`, () => {
    const found = hits(definitionOf([type]), code);
    assert.ok(found.length <= 1, found.join('\n'));
  });
}

test('no module has its old name', () => none(files(NO_MODULE)));
