// Text of somebody else's, for a terminal: names of files and machines, what a record or a server says. A terminal takes some
// characters as commands, and others turn around how a line is read.

/** C0 but tab and line feed, DEL, C1, and what Unicode has to break lines and change directions. */
const commands = /(?![\t\n])[\p{Cc}\u061C\u200E\u200F\u2028-\u202E\u2066-\u2069]/gu;

/** The text with nothing in it that a terminal obeys; line feeds stay. */
export function plainText(text: string): string {
  return text.replace(commands, '\uFFFD');
}

/** The same as one line. */
export function plainLine(text: string): string {
  return plainText(text).replace(/[\t\n]/g, '\uFFFD');
}

/** JSON in which nothing is left that a terminal obeys; it reads back as the same. */
export function plainJson(json: string): string {
  return json.replace(commands, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
