// The command line of the headless host.
import { expect, test } from 'vitest';
import { readHeadlessOptions } from '../../electron/headless/options.ts';

const usual = {
  dataDir: undefined,
  host: '127.0.0.1',
  port: 0,
  origins: [],
  tls: undefined,
  shouldOpen: true,
  isHelp: false,
};

test.each([
  [[], {}],
  [['--data-dir', '/d', '--port', '8080', '--host=::1'], { dataDir: '/d', port: 8080, host: '::1' }],
  [['--no-open'], { shouldOpen: false }],
  [
    ['--origin', 'https://backup.example/', '--origin=http://localhost:8080'],
    { origins: ['https://backup.example', 'http://localhost:8080'] },
  ],
  [['--host', '0.0.0.0', '--cert', 'c', '--key', 'k'], { host: '0.0.0.0', tls: { cert: 'c', key: 'k' } }],
  [['--host', '192.168.1.5', '--plain-http'], { host: '192.168.1.5' }],
  [['--host', '127.1.2.3'], { host: '127.1.2.3' }],
  [['--plain-http', '--origin', 'http://nas.lan:80'], { origins: ['http://nas.lan'] }],
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
  [['--host', '0.0.0.0'], /--host 0.0.0.0 would send .* say --plain-http as well/],
  [['--host', '::'], /--host :: would send/],
  [['--host', 'nas.lan'], /would send/],
  [['--host', '127.evil.example'], /would send/],
  [['--origin', 'http://backup.example'], /--origin http:\/\/backup.example would send/],
  [['--origin', 'backup.example'], /is no origin: write it as/],
  [['--origin', 'https://backup.example/path'], /is no origin/],
  [['--origin', 'https://me@backup.example'], /is no origin/],
  [['--origin', '*'], /is no origin/],
  [['--cert', 'c'], /are given together/],
  [['till.db'], /Unexpected argument 'till.db'/],
])('refuses %j in a sentence', (args, sentence) => {
  expect(() => readHeadlessOptions(args)).toThrow(sentence);
});
