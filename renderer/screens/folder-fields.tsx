// A folder as a destination: its path.
import { FolderOpen } from 'lucide-react';
import type { ReactNode } from 'react';
import { chooseFolderPath, fillIn } from '../actions/destinations.ts';
import { Button } from '../components/button.tsx';
import { PathField } from '../components/path-field.tsx';
import { TextField } from '../components/text-field.tsx';
import { type DestinationDraft, useStore } from '../store.ts';
import { fieldProps } from './field-props.ts';
import { FindingLine } from './finding.tsx';

interface FolderFieldsProps {
  readonly draft: DestinationDraft;
  readonly isFixed: boolean;
}

export function FolderFields({ draft, isFixed }: FolderFieldsProps): ReactNode {
  const host = useStore(({ remote }) => remote?.host);
  const { value, error } = fieldProps(draft, 'path');
  if (isFixed) return <TextField label="Folder" value={value} onChange={() => undefined} isFixed />;
  return (
    <PathField
      label="Folder"
      path={value}
      suggestions={draft.suggestions}
      separator={host?.platform === 'win32' ? '\\' : '/'}
      placeholder={host?.platform === 'win32' ? 'E:\\Tidemark' : '/media/backup/tidemark'}
      isInvalid={error !== undefined}
      onType={(path) => fillIn({ path })}
      onPick={(path) => fillIn({ path })}
      aside={
        host?.hasDialogs === true && (
          <Button icon={FolderOpen} onPress={() => void chooseFolderPath()}>
            Choose folder…
          </Button>
        )
      }
      description={error !== undefined && <FindingLine tone="problem">{error}</FindingLine>}
    />
  );
}
