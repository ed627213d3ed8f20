// A path on the computer where Tidemark runs: typed, or chosen in that computer's own dialog where it has one.
import { FolderOpen } from 'lucide-react';
import type { ReactNode } from 'react';
import { Button } from '../../components/button.tsx';
import { PathField, type PathFieldProps } from '../../components/path-field.tsx';
import { useStore } from '../../store/store.ts';

interface HostPathFieldProps extends Omit<PathFieldProps, 'separator' | 'placeholder' | 'aside'> {
  readonly wants: 'file' | 'folder';
  /** Opens the dialog. */
  readonly onChoose: () => void;
}

export function HostPathField({ wants, onChoose, ...field }: HostPathFieldProps): ReactNode {
  const host = useStore(({ remote }) => remote?.host);
  const isWindows = host?.platform === 'win32';
  const examples = {
    file: isWindows ? `${host.home}\\…\\shop.db` : `${host?.home ?? '/home/you'}/…/shop.db`,
    folder: isWindows ? 'E:\\Tidemark' : '/media/backup/tidemark',
  };
  return (
    <PathField
      {...field}
      separator={isWindows ? '\\' : '/'}
      placeholder={examples[wants]}
      aside={
        host?.hasDialogs === true && (
          <Button icon={FolderOpen} onPress={onChoose}>
            {`Choose ${wants}…`}
          </Button>
        )
      }
    />
  );
}
