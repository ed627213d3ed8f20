// Tidemark's mark: three waves, each fainter than the one above.
import type { ReactNode } from 'react';

export function BrandMark({ size = 22 }: { readonly size?: number }): ReactNode {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="var(--accent)"
      strokeWidth={2.2}
      strokeLinecap="round"
      aria-hidden
    >
      <path d="M3 7.500c2.200-2 4.200-2 6.200 0s4 2 6 0 4-2 5.800-.300" />
      <path d="M3 13c2.200-2 4.200-2 6.200 0s4 2 6 0 4-2 5.800-.300" opacity=".65" />
      <path d="M3 18.500c2.200-2 4.200-2 6.200 0s4 2 6 0 4-2 5.800-.300" opacity=".35" />
    </svg>
  );
}
