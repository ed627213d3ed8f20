// Asks before something that people rarely mean: what it does and what stays, and the way back under the finger.
import type { ReactNode } from 'react';
import { Button } from './button.tsx';
import { DialogButtons } from './dialog-buttons.tsx';
import { DialogText } from './dialog-text.tsx';
import { Dialog } from './dialog.tsx';

interface QuestionProps {
  readonly title: string;
  /** The button that leaves all as it is. */
  readonly keepText: string;
  readonly doText: string;
  readonly onKeep: () => void;
  readonly onDo: () => void;
  readonly children: ReactNode;
}

export function Question({ title, keepText, doText, onKeep, onDo, children }: QuestionProps): ReactNode {
  return (
    <Dialog title={title} role="alertdialog" isNarrow onClose={onKeep}>
      <DialogText>{children}</DialogText>
      <DialogButtons>
        <Button autoFocus onPress={onKeep}>
          {keepText}
        </Button>
        <Button kind="danger" onPress={onDo}>
          {doText}
        </Button>
      </DialogButtons>
    </Dialog>
  );
}
