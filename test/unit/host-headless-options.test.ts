// The command line of the headless host.
import { expect, test } from 'vitest';
import { readHeadlessOptions } from '../../electron/headless-options.ts';

const usual = { dataDir: undefined, host: '127.0.0.1', port: 0, shouldOpen: true, isHelp: false };

test.each([
  [[], {}],
  [['--data-dir', '/d', '--port', '8080', '--host=::1'], { dataDir: '/d', port: 8080, host: '::1' }],
  [['--no-open'], { shouldOpen: false }],
  [['--background'], { shouldOpen: false }],
  [['--help'], { isHelp: true }],
])('%j', (args, expected) => {
  expect(readHeadlessOptions(args)).toEqual({ ...usual, ...expected });
});

test.each([
  [['--port', 'web'], '--port web is not a port number.'],
  [['--port', '65536'], '--port 65536 is not a port number.'],
  [['--port', ''], /^--port {2}is not/],
  [['--prot', '1'], /Unknown option '--prot'/],
  [['till.db'], /Unexpected argument 'till.db'/],
])('refuses %j in a sentence', (args, sentence) => {
  expect(() => readHeadlessOptions(args)).toThrow(sentence);
});
