// One field of the draft, as the components of a form take it: its text, how it changes, and what is wrong with it, as far
// as that may be said by now.
import { fillIn, leaveField } from '../../actions/destinations.ts';
import { checkForm, type FieldName } from '../../store/place-form.ts';
import type { DestinationDraft } from '../../store/store.ts';

export interface FieldProps {
  readonly value: string;
  readonly error: string | undefined;
  readonly onChange: (value: string) => void;
  readonly onBlur: () => void;
}

/** The props of a field by its name. */
export function fieldProps({ form, left, isTried }: DestinationDraft, name: FieldName): FieldProps {
  const error = isTried || left.includes(name) ? checkForm(form)[name] : undefined;
  return {
    value: form[name],
    error,
    onChange: (value) => fillIn({ [name]: value }),
    onBlur: () => leaveField(name),
  };
}

/** Sends the keyboard to the first field that is wrong, where one tried to go on. */
export function focusFirstError(): void {
  requestAnimationFrame(() => document.querySelector<HTMLElement>('main [aria-invalid="true"]')?.focus());
}
