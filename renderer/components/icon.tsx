// One weight and size for all icons; they decorate words and are hidden from assistive technology.
import type { LucideIcon } from 'lucide-react';
import type { ReactNode } from 'react';

interface IconProps {
  readonly of: LucideIcon;
  readonly size?: number;
  readonly className?: string | undefined;
}

export function Icon({ of: Shape, size = 15, className }: IconProps): ReactNode {
  return <Shape size={size} strokeWidth={1.9} aria-hidden className={className} />;
}
