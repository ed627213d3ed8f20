// The tokens' colours against WCAG 2.2 AA: words 4.5:1 on what they stand on, borders of fields 3:1, light and dark.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

const css = readFileSync(join(import.meta.dirname, '../../renderer/styles/tokens.css'), 'utf8');

const words: readonly (readonly [string, string])[] = [
  ...['text', 'muted', 'faint'].flatMap((word) =>
    ['bg', 'side', 'panel', 'raised'].map((ground) => [word, ground] as const),
  ),
  ...['good', 'warn', 'bad', 'work'].flatMap((tone) =>
    ['panel', 'bg', 'side', `${tone}-soft`].map((on) => [tone, on] as const),
  ),
  ...['good-soft', 'warn-soft', 'bad-soft', 'work-soft', 'idle-soft', 'gen-a', 'gen-b'].map(
    (on) => ['text', on] as const,
  ),
  ['idle', 'panel'],
  ['idle', 'idle-soft'],
  ['muted', 'idle-soft'],
  ['accent-strong', 'accent-soft'],
  ['on-accent', 'accent'],
  ['on-accent', 'accent-strong'],
  ['accent', 'panel'],
];

const shapes: readonly (readonly [string, string])[] = [
  ['edge', 'panel'],
  ['d3', 'panel'],
  ['focus', 'panel'],
  ['focus', 'bg'],
];

describe.each(['light', 'dark'] as const)('the %s colours', (theme) => {
  test.each(words)('%s can be read on %s', (word, ground) => {
    expect(contrast(colourOf(word, theme), colourOf(ground, theme))).toBeGreaterThanOrEqual(4.5);
  });

  test.each(shapes)('%s can be seen on %s', (shape, ground) => {
    expect(contrast(colourOf(shape, theme), colourOf(ground, theme))).toBeGreaterThanOrEqual(3);
  });
});

function colourOf(name: string, theme: 'light' | 'dark'): string {
  const [, light, dark] = new RegExp(`--${name}: light-dark\\((#[0-9a-f]{6}), (#[0-9a-f]{6})\\)`).exec(css) ?? [];
  const colour = theme === 'light' ? light : dark;
  if (colour === undefined) throw new Error(`no token --${name}`);
  return colour;
}

function contrast(a: string, b: string): number {
  const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return ((light ?? 0) + 0.05) / ((dark ?? 0) + 0.05);
}

function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const value = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
