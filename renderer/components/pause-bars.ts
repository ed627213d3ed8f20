// Two plain bars: lucide's own are outlined, and read as something else at this size.
import { createLucideIcon } from 'lucide-react';

export const PauseBars = createLucideIcon('pause-bars', [
  ['path', { d: 'M9 6v12', key: 'left' }],
  ['path', { d: 'M15 6v12', key: 'right' }],
]);
