import { expect, test } from 'vitest';
import { impossibleNameIn } from '../../shared/windows-names.ts';

test.for([
  ['C:\\backup\\nul', 'nul'],
  ['C:\\backup\\NUL.db', 'NUL.db'],
  ['C:\\con\\shop.db', 'con'],
  ['C:\\backup\\aux .txt', 'aux .txt'],
  ['C:\\backup\\COM1', 'COM1'],
  ['C:\\backup\\lpt\u00b9.db', 'lpt\u00b9.db'],
  ['C:\\backup\\CONOUT$', 'CONOUT$'],
  ['C:\\backup\\shop.db.', 'shop.db.'],
  ['C:\\backup \\shop.db', 'backup '],
  ['C:/backup/shop.db:stream', 'shop.db:stream'],
  ['\\\\?\\C:\\backup\\prn', 'prn'],
  ['\\\\server\\share\\sh?op.db', 'sh?op.db'],
  ['\\\\?\\UNC\\server\\share\\tab\t.db', 'tab\t.db'],
] as const)('%s has a name that no file of a Windows has', ([path, name]) => {
  expect(impossibleNameIn(path)).toBe(name);
});

test.for([
  'C:\\',
  'C:\\backup\\shop.db',
  'C:/backup/../shop.db',
  'd:\\console\\auxiliary.db',
  'C:\\backup\\.shop',
  'C:\\backup\\com10.db',
  'C:\\backup\\null.db',
  '\\\\?\\C:\\backup\\shop.db',
  '\\\\server\\share\\shop.db',
  '\\\\?\\Volume{0c5e8a5c-0000-0000-0000-100000000000}\\shop.db',
  'C:\\東京\\Käse & Brot (1).db',
])('%s is a path like any other', (path) => {
  expect(impossibleNameIn(path)).toBeUndefined();
});
