// What a destination is called, how fast it may be filled, and how a bucket keeps what it gets.
import type { ReactNode } from 'react';
import { providers } from '../../../shared/providers.ts';
import { fillIn } from '../../actions/destinations.ts';
import { Columns } from '../../components/columns.tsx';
import { Note } from '../../components/note.tsx';
import { SelectField } from '../../components/select-field.tsx';
import { TextField } from '../../components/text-field.tsx';
import { fieldsOf, type PlaceForm } from '../../store/place-form.ts';
import type { DestinationDraft } from '../../store/store.ts';
import styles from './destination-fields.module.css';
import { fieldProps } from './field-props.ts';

export function MoreFields({ draft }: { readonly draft: DestinationDraft }): ReactNode {
  const fields = fieldsOf(draft.form);
  return (
    <div className={styles.fields}>
      <Columns>
        <TextField
          label="Name"
          isOptional
          placeholder={proposedName(draft.form)}
          about="As it is called in this window."
          {...fieldProps(draft, 'name')}
        />
        <TextField
          label="Bandwidth limit"
          isOptional
          unit="MB/s"
          placeholder="no limit"
          about="Applies to everything that is sent there."
          {...fieldProps(draft, 'limit')}
        />
      </Columns>
      {fields.has('concurrency') && (
        <Columns>
          <TextField
            label="Requests at a time"
            isOptional
            placeholder={String(providers[draft.form.provider].concurrency)}
            about="For all databases there together."
            {...fieldProps(draft, 'concurrency')}
          />
          <TextField
            label="Size of a part"
            isOptional
            unit="MiB"
            placeholder="as it suits"
            about="Images are sent in parts of this size."
            {...fieldProps(draft, 'partSize')}
          />
        </Columns>
      )}
      {fields.has('certificate') && <Certificate draft={draft} />}
      {(fields.has('storageClass') || fields.has('encryption')) && (
        <Columns>
          <StorageClass draft={draft} />
          <Encryption draft={draft} />
        </Columns>
      )}
      {fields.has('kmsKeyId') && (
        <TextField
          label="Id of the KMS key"
          kind="code"
          isOptional
          about="Its id or its ARN; left empty, the service’s own key for S3 is used."
          {...fieldProps(draft, 'kmsKeyId')}
        />
      )}
    </div>
  );
}

function Certificate({ draft: { form } }: { readonly draft: DestinationDraft }): ReactNode {
  return (
    <>
      <SelectField
        label="Certificate of the server"
        choices={certificates}
        chosen={form.certificate}
        onChoose={(key) => fillIn({ certificate: key as PlaceForm['certificate'] })}
      />
      {form.certificate === 'unchecked' && (
        <Note tone="attention" title="Whoever is on the way can read and change everything">
          Without a check nobody knows that it is your server which answers: keys and databases may reach somebody else.
          Only for a server of your own, in a network of your own. A certificate that this computer trusts is the better
          way.
        </Note>
      )}
    </>
  );
}

const certificates = [
  { key: 'checked', text: 'Has to be valid' },
  { key: 'unchecked', text: 'Is not checked' },
];

function StorageClass({ draft }: { readonly draft: DestinationDraft }): ReactNode {
  const { form } = draft;
  const { storageClasses } = providers[form.provider];
  if (!fieldsOf(form).has('storageClass')) return undefined;
  if (storageClasses.length === 0) {
    return <TextField label="Storage class" kind="code" isOptional {...fieldProps(draft, 'storageClass')} />;
  }
  // One that is stored and not in the list stays choosable.
  const all =
    form.storageClass === '' || storageClasses.includes(form.storageClass)
      ? storageClasses
      : [...storageClasses, form.storageClass];
  return (
    <SelectField
      label="Storage class"
      choices={[{ key: '', text: 'The bucket’s own' }, ...all.map((key) => ({ key, text: key }))]}
      chosen={form.storageClass}
      onChoose={(storageClass) => fillIn({ storageClass })}
    />
  );
}

const encryptions: Readonly<Record<PlaceForm['encryption'], string>> = {
  none: 'As the bucket says',
  'sse-s3': 'With the service’s keys (SSE-S3)',
  'sse-kms': 'With a KMS key (SSE-KMS)',
};

function Encryption({ draft }: { readonly draft: DestinationDraft }): ReactNode {
  const { form } = draft;
  if (!fieldsOf(form).has('encryption')) return undefined;
  const keys = ['none', ...providers[form.provider].encryption] as const;
  return (
    <SelectField
      label="Encryption in the bucket"
      choices={keys.map((key) => ({ key, text: encryptions[key] }))}
      chosen={form.encryption}
      onChoose={(key) => fillIn({ encryption: key as PlaceForm['encryption'] })}
    />
  );
}

function proposedName({ kind, path, bucket }: PlaceForm): string {
  const name = kind === 'folder' ? (path.split(/[/\\]/).findLast((part) => part !== '') ?? '') : bucket.trim();
  return name === '' ? (kind === 'folder' ? 'the folder’s' : 'the bucket’s') : name;
}
