// What an error says: what happened, what is safe, what to do. Here are its shape and the sentences that several share; the texts
// themselves lie by subject in the files that end in `-errors.ts`.

export interface ErrorText {
  /** What happened. */
  readonly message: string;
  /** What is safe. */
  readonly safe?: string;
  /** What to do. */
  readonly hint?: string;
}

/** Texts by code. The arguments are the error's details, as strings. */
export type ErrorTexts = Readonly<Record<string, (details: Readonly<Record<string, string>>) => ErrorText>>;

export const untouched = 'Your database is untouched.';
export const waiting = 'Your database is untouched, and captured changes wait on this computer.';
export const shippedSafe = 'Your database is untouched; what was shipped stays restorable.';
export const historySafe = 'What lies at the destination is untouched.';
