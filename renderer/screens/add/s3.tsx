// New S3 storage for a database that is being added: the same fields and the same test as on a screen of their own.
import { type ReactNode, useEffect } from 'react';
import { describeDestination, testDestination } from '../../actions/destinations.ts';
import { type AddDraft, useStore } from '../../store/store.ts';
import { AccessFields } from '../place/access-fields.tsx';
import styles from '../place/destination-fields.module.css';
import { focusFirstError } from '../place/field-props.ts';
import { MoreFields } from '../place/more-fields.tsx';
import { S3Fields } from '../place/s3-fields.tsx';
import { TestButton, TestWords } from '../place/test-card.tsx';

export function AddS3({ draft }: { readonly draft: AddDraft }): ReactNode {
  const destination = useStore(({ view }) => view.destination);
  useEffect(() => describeDestination(undefined), []);
  if (destination === undefined) return undefined;
  const { inspection } = draft.database;
  const databasePath = inspection?.kind === 'database' ? inspection.path : undefined;
  return (
    <div className={styles.fields}>
      <S3Fields draft={destination} isFixed={false} />
      <AccessFields draft={destination} />
      <MoreFields draft={destination} />
      {destination.test !== undefined && <TestWords draft={destination} />}
      <TestButton draft={destination} onTest={() => void testDestination(databasePath).then(focusFirstError)} />
    </div>
  );
}
