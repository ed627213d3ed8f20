// What a destination is: its kind, where it lies, the access to it, its name, and what most people leave as it is. Shows the
// fields that its kind and provider need, and no others.
import type { ReactNode } from 'react';
import { plural } from '../../shared/format.ts';
import { Card } from '../components/card.tsx';
import { Note } from '../components/note.tsx';
import type { DestinationDraft } from '../store.ts';
import styles from './destination-fields.module.css';
import { FolderFields } from './folder-fields.tsx';
import { MoreFields } from './more-fields.tsx';

interface DestinationFieldsProps {
  readonly draft: DestinationDraft;
  /** How many databases keep their history there: the place is fixed then. */
  readonly uses: number;
}

export function DestinationFields({ draft, uses }: DestinationFieldsProps): ReactNode {
  const { form } = draft;
  return (
    <div className={styles.cards}>
      <Card heading="Where" isPadded>
        <div className={styles.fields}>
          {uses > 0 && (
            <Note tone="working">
              {plural(uses, 'database')} {uses === 1 ? 'keeps its' : 'keep their'} history here, so{' '}
              {form.kind === 'folder' ? 'the folder stays' : 'bucket and folder stay'} as{' '}
              {form.kind === 'folder' ? 'it is' : 'they are'}.
            </Note>
          )}
          <FolderFields draft={draft} isFixed={uses > 0} />
        </div>
      </Card>
      <Card heading="In Tidemark" isPadded>
        <MoreFields draft={draft} />
      </Card>
    </div>
  );
}
