// The shape of a database's state: colour never stands alone.
import { Check, CircleQuestionMark, OctagonAlert, RefreshCw, TriangleAlert, type LucideIcon } from 'lucide-react';
import type { ReactNode } from 'react';
import { Icon } from './icon.tsx';
import { classNames } from './class-names.ts';
import { PauseBars } from './pause-bars.ts';
import type { Tone } from './tone.ts';
import tones from './tone.module.css';

const shapes: Readonly<Record<Tone, LucideIcon>> = {
  good: Check,
  working: RefreshCw,
  attention: TriangleAlert,
  problem: OctagonAlert,
  paused: PauseBars,
  unknown: CircleQuestionMark,
};

export function StateIcon({ tone, size = 15 }: { readonly tone: Tone; readonly size?: number }): ReactNode {
  return <Icon of={shapes[tone]} size={size} className={classNames(tones.tone, tones[tone])} />;
}
