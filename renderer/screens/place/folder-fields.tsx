// A folder as a destination: its path.
import type { ReactNode } from 'react';
import { chooseFolderPath, fillIn } from '../../actions/destinations.ts';
import { TextField } from '../../components/text-field.tsx';
import type { DestinationDraft } from '../../store/store.ts';
import { fieldProps } from './field-props.ts';
import { FindingLine } from '../../components/finding.tsx';
import { HostPathField } from '../parts/host-path-field.tsx';

interface FolderFieldsProps {
  readonly draft: DestinationDraft;
  readonly isFixed: boolean;
}

export function FolderFields({ draft, isFixed }: FolderFieldsProps): ReactNode {
  const { value, error } = fieldProps(draft, 'path');
  if (isFixed) return <TextField label="Folder" value={value} onChange={() => undefined} isFixed />;
  return (
    <HostPathField
      label="Folder"
      path={value}
      suggestions={draft.suggestions}
      wants="folder"
      isInvalid={error !== undefined}
      onType={(path) => fillIn({ path })}
      onPick={(path) => fillIn({ path })}
      onChoose={() => void chooseFolderPath()}
      description={error !== undefined && <FindingLine tone="problem">{error}</FindingLine>}
    />
  );
}
