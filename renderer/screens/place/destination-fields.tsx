// What a destination is: its kind, where it lies, the access to it, its name, and what most people leave as it is. Shows the
// fields that its kind and provider need, and no others.
import { Cloud, Folder } from 'lucide-react';
import type { ReactNode } from 'react';
import { plural } from '../../../shared/format.ts';
import { fillIn } from '../../actions/destinations.ts';
import { Card } from '../../components/card.tsx';
import { OptionCards } from '../../components/option-cards.tsx';
import type { DestinationDraft } from '../../store/store.ts';
import { AccessFields } from './access-fields.tsx';
import styles from './destination-fields.module.css';
import { FolderFields } from './folder-fields.tsx';
import { MoreFields } from './more-fields.tsx';
import { S3Fields } from './s3-fields.tsx';

interface DestinationFieldsProps {
  readonly draft: DestinationDraft;
  /** How many databases keep their history there: the place is fixed then. */
  readonly uses: number;
}

const kinds = [
  { key: 'folder', icon: Folder, title: 'Folder', about: 'Another disk, a removable one, a network share' },
  { key: 's3', icon: Cloud, title: 'S3 storage', about: 'Amazon, Cloudflare, Backblaze, MinIO and others' },
] as const;

export function DestinationFields({ draft, uses }: DestinationFieldsProps): ReactNode {
  const { form, targetId } = draft;
  return (
    <div className={styles.cards}>
      <Card heading="Where" isPadded>
        <div className={styles.fields}>
          {targetId === undefined && (
            <OptionCards
              label="Kind of destination"
              options={kinds}
              chosen={form.kind}
              isRow
              onChoose={(kind) => fillIn({ kind })}
            />
          )}
          {uses > 0 && (
            <p className={styles.hint}>
              {plural(uses, 'database')} {uses === 1 ? 'keeps its' : 'keep their'} history here, so{' '}
              {form.kind === 'folder' ? 'the folder stays' : 'bucket and folder stay'} as{' '}
              {form.kind === 'folder' ? 'it is' : 'they are'}.
            </p>
          )}
          {form.kind === 'folder' ? (
            <FolderFields draft={draft} isFixed={uses > 0} />
          ) : (
            <S3Fields draft={draft} isFixed={uses > 0} />
          )}
        </div>
      </Card>
      {form.kind === 's3' && (
        <Card heading="Access" isPadded>
          <AccessFields draft={draft} />
        </Card>
      )}
      <Card heading="In Tidemark" isPadded>
        <MoreFields draft={draft} />
      </Card>
    </div>
  );
}
