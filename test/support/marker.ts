// Secrets that can be recognised wherever they come up, and where they do.
import fs from 'node:fs';
import path from 'node:path';

/** With characters that addresses, forms and JSON write differently. */
export const markerSecret = 'MARKERwJalrXUtnFEMI+K7MDENG';
export const markerToken = 'MARKERtoken';

/** The ways in which a secret may have been written. */
function formsOf(secret: string): readonly string[] {
  const bytes = Buffer.from(secret);
  // The last digit of base64 depends on what follows.
  return [secret, encodeURIComponent(secret), bytes.toString('base64').replace(/.=*$/, ''), bytes.toString('hex')];
}

/** Files below a folder that hold any of the secrets. */
export function filesWith(root: string, secrets: readonly string[]): readonly string[] {
  const forms = secrets.flatMap(formsOf);
  return fs.readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) => {
    if (!fs.statSync(path.join(root, name)).isFile()) return false;
    const bytes = fs.readFileSync(path.join(root, name));
    return forms.some((form) => bytes.includes(form));
  });
}

/** True for a text that holds any of the secrets. */
export function holdsSecret(text: string, secrets: readonly string[]): boolean {
  return secrets.flatMap(formsOf).some((form) => text.includes(form));
}
