#!/usr/bin/env node
// What `npx tidemark` starts in the checkout: the built command line, on the Node that was installed beside it.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { launch } = require('./launch.cjs');

const commandLine = path.join(__dirname, '..', 'dist', 'electron', 'cli.js');
if (fs.existsSync(commandLine)) {
  launch(commandLine, process.argv.slice(2));
} else {
  process.stderr.write('Tidemark is not built yet. Run `npm run build` first.\n');
  process.exitCode = 1;
}
