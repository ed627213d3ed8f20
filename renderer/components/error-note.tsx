// What a screen asked for and did not get, as a strip that interrupts; nothing while all is well.
import type { ReactNode } from 'react';
import type { AppErrorData } from '../../shared/errors.ts';
import { ErrorText } from './error-text.tsx';
import { Note } from './note.tsx';

export function ErrorNote({ error }: { readonly error: AppErrorData | undefined }): ReactNode {
  if (error === undefined) return undefined;
  return (
    <Note tone="problem" role="alert">
      <ErrorText error={error} />
    </Note>
  );
}
