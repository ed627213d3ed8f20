// What others wrote, for a terminal.
import { expect, test } from 'vitest';
import { plainJson, plainLine, plainText } from '../../shared/plain-text.ts';
import { formatTable } from '../../shared/table.ts';

const hostile = [
  '\u001B[2J\u001B]0;owned\u0007',
  '\u009B31m',
  '\u202Egnp.exe',
  '\u2066x\u2069',
  'a\rb',
  'a\u0000b',
  'a\u007Fb',
  'a\u2028b',
];

test.each(hostile)('takes from %j what a terminal would obey', (text) => {
  const obeyed = /[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u200E\u200F\u2028-\u202E\u2066-\u2069]/; // oxlint-disable-line no-control-regex
  for (const shown of [plainText(text), plainLine(text), plainJson(JSON.stringify(text)), formatTable([[text, 'x']])])
    expect(shown).not.toMatch(obeyed);
  expect(JSON.parse(plainJson(JSON.stringify(text)))).toBe(text);
});

test('leaves what people write', () => {
  const text = 'Zoë’s 日本語 データ.db → 👩‍👩‍👧\n\tيوميات';
  expect(plainText(text)).toBe(text);
  expect(plainLine('one\ntwo')).toBe('one\uFFFDtwo');
});
