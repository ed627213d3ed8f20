// A position spaced for reading; what is copied is the usual form.
import { formatCount } from '../../../shared/format.ts';
import { formatPosition, type Position } from '../../../shared/position.ts';

/** `7f3ac91b04d2e6a8 / 0000001c:118,472`. */
export function spacedPosition(position: Position): string {
  const [generation = '', index = ''] = formatPosition(position).split(/[/:]/);
  return `${generation} / ${index}:${formatCount(position.offset)}`;
}
