// The tokens as colours that a canvas understands, read anew when the theme changes.
import { useEffect, useState } from 'react';

const names = [
  'text',
  'muted',
  'faint',
  'line',
  'line-strong',
  'panel',
  'raised',
  'accent',
  'on-accent',
  'good',
  'warn',
  'work',
  'd0',
  'd1',
  'd2',
  'd3',
  'gen-a',
  'gen-b',
  'hatch',
] as const;

export type Palette = Readonly<Record<(typeof names)[number], string>>;

/** The present palette; undefined until the element is on the page. */
export function usePalette(element: HTMLElement | null): Palette | undefined {
  const [palette, setPalette] = useState<Palette>();

  useEffect(() => {
    if (element === null) return undefined;
    const read = (): void => setPalette(readPalette(element));
    read();
    const theme = new MutationObserver(read);
    theme.observe(document.documentElement, { attributeFilter: ['data-theme'] });
    const media = ['(prefers-color-scheme: dark)', '(forced-colors: active)', '(prefers-contrast: more)'].map((query) =>
      matchMedia(query),
    );
    for (const query of media) query.addEventListener('change', read);
    // The first drawing may have come before the font.
    void document.fonts.ready.then(read);
    return () => {
      theme.disconnect();
      for (const query of media) query.removeEventListener('change', read);
    };
  }, [element]);

  return palette;
}

/** Custom properties hold `light-dark(…)`; only a real property's computed value is a colour. */
function readPalette(element: HTMLElement): Palette {
  const probe = document.createElement('span');
  probe.hidden = true;
  element.append(probe);
  const entries = names.map((name) => {
    probe.style.color = `var(--${name})`;
    return [name, getComputedStyle(probe).color] as const;
  });
  probe.remove();
  return Object.fromEntries(entries) as Palette;
}
