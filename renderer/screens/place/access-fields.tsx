// How an S3 destination is opened: with a key that is typed in, whose secret is written and never shown again, or with what
// this computer has.
import { KeyRound, LockKeyhole, Monitor } from 'lucide-react';
import type { ReactNode } from 'react';
import type { HostInfo } from '../../../shared/model.ts';
import { fillIn } from '../../actions/destinations.ts';
import { Button } from '../../components/button.tsx';
import { Disclosure } from '../../components/disclosure.tsx';
import { Icon } from '../../components/icon.tsx';
import { OptionCards } from '../../components/option-cards.tsx';
import { TextField } from '../../components/text-field.tsx';
import { type DestinationDraft, useStore } from '../../store/store.ts';
import styles from './destination-fields.module.css';
import { fieldProps } from './field-props.ts';
import { FindingLine } from '../../components/finding.tsx';

const sources = [
  { key: 'keys', icon: KeyRound, title: 'An access key', about: 'Typed in here; its secret is never shown again' },
  {
    key: 'chain',
    icon: Monitor,
    title: 'From this computer',
    about: 'AWS profiles, single sign-on, environment, role',
  },
] as const;

export function AccessFields({ draft }: { readonly draft: DestinationDraft }): ReactNode {
  const { form } = draft;
  const keeper = useStore(({ remote }) => remote?.host.secretsKeptBy);
  return (
    <div className={styles.fields}>
      <OptionCards
        label="Credentials"
        options={sources}
        chosen={form.credentials}
        isRow
        onChoose={(credentials) => fillIn({ credentials })}
      />
      {form.credentials === 'keys' && <p className={styles.hint}>{keeperText(keeper)}</p>}
      {form.credentials === 'chain' ? (
        <TextField
          label="Profile"
          kind="code"
          isOptional
          placeholder="default"
          about="Looked for as the AWS tools do: environment, the files in ~/.aws, single sign-on, credential_process, the machine’s role. Nothing of it is copied; the test says what was found."
          {...fieldProps(draft, 'profile')}
        />
      ) : (
        <Key draft={draft} />
      )}
    </div>
  );
}

/** Where secrets lie, honestly. */
function keeperText(keeper: HostInfo['secretsKeptBy'] | undefined): string {
  return keeper === 'keyring'
    ? 'The secret is stored encrypted; what opens it lies in the system’s keyring.'
    : 'The secret is stored encrypted; what opens it lies in a file that only your user can read, because there is no keyring here.';
}

function Key({ draft }: { readonly draft: DestinationDraft }): ReactNode {
  const { form } = draft;
  return (
    <>
      <TextField label="Access key id" kind="code" {...fieldProps(draft, 'accessKeyId')} />
      <Secret draft={draft} />
      {form.storedKeyId === undefined || form.secretAccessKey !== '' ? (
        <Disclosure title="Session token" about="for keys that last hours" isOpenFirst={form.sessionToken !== ''}>
          <TextField
            label="Session token"
            kind="secret"
            isOptional
            about="Belongs to temporary keys only; when it ends, nothing gets through until new ones are typed in."
            {...fieldProps(draft, 'sessionToken')}
          />
        </Disclosure>
      ) : undefined}
    </>
  );
}

function Secret({ draft }: { readonly draft: DestinationDraft }): ReactNode {
  const { form } = draft;
  const field = fieldProps(draft, 'secretAccessKey');
  if (form.storedKeyId === undefined || form.isReplacing) {
    return (
      <>
        <TextField label="Secret access key" kind="secret" shouldFocus={form.isReplacing} {...field} />
        {form.isReplacing && (
          <div>
            <Button onPress={() => fillIn({ isReplacing: false, secretAccessKey: '', sessionToken: '' })}>
              Keep the stored one
            </Button>
          </div>
        )}
      </>
    );
  }
  return (
    <div className={styles.stored} role="group" aria-label="Secret access key">
      <span className={styles.label}>Secret access key</span>
      <span className={styles.storedWord}>
        <Icon of={LockKeyhole} />
        Stored, not shown
      </span>
      <Button onPress={() => fillIn({ isReplacing: true })}>Replace…</Button>
      {field.error !== undefined && <FindingLine tone="problem">{field.error}</FindingLine>}
    </div>
  );
}
