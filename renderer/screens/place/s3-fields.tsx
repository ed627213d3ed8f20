// Where an S3 destination lies: whose service, which bucket, and what that service needs to be found.
import type { ReactNode } from 'react';
import { providerIds, providers, type ProviderId } from '../../../shared/providers.ts';
import { fillIn } from '../../actions/destinations.ts';
import { Columns } from '../../components/columns.tsx';
import { ComboField } from '../../components/combo-field.tsx';
import { SelectField } from '../../components/select-field.tsx';
import { TextField } from '../../components/text-field.tsx';
import { fieldsOf, withProvider } from '../../store/place-form.ts';
import type { DestinationDraft } from '../../store/store.ts';
import { fieldProps } from './field-props.ts';

interface S3FieldsProps {
  readonly draft: DestinationDraft;
  readonly isFixed: boolean;
}

const choices = providerIds.map((key) => ({ key, text: providers[key].name }));

export function S3Fields({ draft, isFixed }: S3FieldsProps): ReactNode {
  const { form } = draft;
  const fields = fieldsOf(form);
  const { regions, hint } = providers[form.provider];
  return (
    <>
      <SelectField
        label="Service"
        choices={choices}
        chosen={form.provider}
        onChoose={(provider) => fillIn(withProvider(form, provider as ProviderId))}
        about={hint}
      />
      {fields.has('endpoint') && (
        <TextField
          label="Address"
          kind="code"
          placeholder="https://storage.example.com"
          about={endpointWarning(form.endpoint)}
          {...fieldProps(draft, 'endpoint')}
        />
      )}
      {fields.has('account') && (
        <TextField
          label="Account id"
          kind="code"
          about="For a bucket of the European jurisdiction with “.eu” behind it."
          {...fieldProps(draft, 'account')}
        />
      )}
      <Columns>
        <TextField label="Bucket" kind="code" isFixed={isFixed} {...fieldProps(draft, 'bucket')} />
        <TextField
          label="Folder in the bucket"
          kind="code"
          isOptional
          isFixed={isFixed}
          {...(isFixed ? {} : { placeholder: 'tidemark' })}
          {...fieldProps(draft, 'prefix')}
        />
      </Columns>
      {fields.has('region') && (
        <Columns>
          {regions.length > 1 ? (
            <ComboField
              label="Region"
              proposals={regions}
              isOptional={form.provider === 'aws'}
              about={form.provider === 'aws' ? 'The test finds it where it is left empty.' : undefined}
              {...fieldProps(draft, 'region')}
            />
          ) : (
            <TextField label="Region" kind="code" isOptional placeholder="us-east-1" {...fieldProps(draft, 'region')} />
          )}
          {fields.has('pathStyle') && (
            <SelectField
              label="Bucket’s name in addresses"
              choices={[
                { key: 'auto', text: 'As the test finds it' },
                { key: 'path', text: 'Behind the host (path style)' },
                { key: 'host', text: 'In the host’s name' },
              ]}
              chosen={form.pathStyle}
              onChoose={(key) => fillIn({ pathStyle: key as typeof form.pathStyle })}
            />
          )}
        </Columns>
      )}
    </>
  );
}

function endpointWarning(endpoint: string): string {
  return /^http:\/\//i.test(endpoint.trim())
    ? 'Without encryption: whoever can listen on the way reads what is sent. Right for this computer or a network of your own.'
    : 'Of the storage itself, without the bucket’s name.';
}
