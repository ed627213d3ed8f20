// `npm run build`: the window's content and the programs, side by side, into dist/.
import { join } from 'node:path';
import { build, createBuilder } from 'vite';

const root = join(import.meta.dirname, '../..');

await Promise.all([
  build({ configFile: join(root, 'renderer/vite.config.ts') }),
  createBuilder({ configFile: join(root, 'electron/vite.config.ts') }).then((builder) => builder.buildApp()),
]);
