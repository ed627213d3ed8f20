// Runs a script or a program of a package on the Node that `npm ci` installed beside it, whatever Node and npm started this:
//   node electron/launch.cjs electron/start.ts …     node electron/launch.cjs vitest run …
// Old npm does not link that Node where its scripts would find it. So this is plain JavaScript of 2016, knows no shell, and looks into
// node_modules alone. Arguments, standard streams, signals and the exit status are passed on.
'use strict';

const childProcess = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const url = require('node:url');

const root = path.join(__dirname, '..');
/** The oldest Node on which the scripts run where none was installed beside them: it takes TypeScript as it is. */
const oldest = [22, 18];
/** The oldest Node whose npm installs all of it: for an older one it leaves out, silently, native parts that want a newer one. */
const oldestToInstall = [20, 19];

/** Runs a file on the right Node with these arguments; ends this process as that ends. */
function launch(file, args) {
  const bundled = findBundledNode();
  const node = bundled || process.execPath;
  if (!isNewEnough(oldestToInstall)) return refuseInstallation();
  if (bundled === undefined && !isNewEnough(oldest)) return refuse('none was installed beside it');
  // For programs that look for `node` by themselves.
  process.env.PATH = [path.dirname(node), path.join(root, 'node_modules', '.bin'), process.env.PATH]
    .filter(Boolean)
    .join(path.delimiter);
  process.env.NODE = node;
  process.env.npm_node_execpath = node;
  if (isThisProcess(node)) return runHere(file, args);
  runOn(node, file, args);
}

/** In this process: nothing has to be passed on. */
function runHere(file, args) {
  process.argv.splice(1, process.argv.length, file, ...args);
  import(url.pathToFileURL(file).href).catch((error) => {
    // As if the file had been started: whoever it is says what went wrong.
    setImmediate(() => {
      throw error;
    });
  });
}

function runOn(node, file, args) {
  const child = childProcess.spawn(node, [...process.execArgv, file, ...args], { stdio: 'inherit' });
  const passOn = (signal) => child.kill(signal);
  // What a terminal sends, it sends to the child as well.
  const passOnFromElsewhere = (signal) => process.stdin.isTTY || child.kill(signal);
  process.on('SIGINT', passOnFromElsewhere);
  process.on('SIGHUP', passOnFromElsewhere);
  process.on('SIGTERM', passOn);
  if (process.platform !== 'win32') process.on('SIGUSR2', passOn);
  child.once('error', (error) => {
    if (isNewEnough(oldest)) runHere(file, args);
    else refuse(`what was installed beside it cannot be started (${error.message})`);
  });
  child.once('exit', (code, signal) => {
    process.exitCode = code === null ? 1 : code;
    if (signal === null) return;
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

/** The Node of the package for this platform; undefined where there is none. */
function findBundledNode() {
  const platform = process.platform === 'win32' ? 'win' : process.platform;
  const folder = path.join(root, 'node_modules', `node-${platform}-${process.arch}`, 'bin');
  return [path.join(folder, 'node'), path.join(folder, 'node.exe')].find((place) => fs.existsSync(place));
}

function isThisProcess(node) {
  return fs.realpathSync(node) === fs.realpathSync(process.execPath);
}

function isNewEnough(least) {
  const [major, minor] = process.versions.node.split('.').map(Number);
  return major > least[0] || (major === least[0] && minor >= least[1]);
}

function refuse(why) {
  process.stderr.write(
    `Tidemark needs Node ${oldest.join('.')} or newer. This is Node ${process.versions.node}, and ${why}.\n` +
      'Run `npm ci` once more, without leaving out optional packages, or install a newer Node.\n',
  );
  process.exitCode = 1;
}

function refuseInstallation() {
  process.stderr.write(
    `Tidemark is installed with Node ${oldestToInstall.join('.')} or newer. This is Node ${process.versions.node}, for which npm leaves out parts.\n` +
      'Install a newer Node, and run `npm ci` once more with it.\n',
  );
  process.exitCode = 1;
}

/** The file of a program: a script of ours by its path, else what a package that we depend on offers under that name. */
function findProgram(name) {
  if (/[\\/]/.test(name)) return path.resolve(root, name);
  const own = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));
  for (const dependency of Object.keys(Object.assign({}, own.dependencies, own.devDependencies))) {
    const folder = path.join(root, 'node_modules', dependency);
    const manifest = path.join(folder, 'package.json');
    if (!fs.existsSync(manifest)) continue;
    const { bin } = JSON.parse(fs.readFileSync(manifest, 'utf8'));
    const file = typeof bin === 'string' && path.basename(dependency) === name ? bin : bin && bin[name];
    if (file) return path.join(folder, file);
  }
  return undefined;
}

function main() {
  const name = process.argv[2];
  const program = findProgram(name);
  if (program !== undefined && fs.existsSync(program)) return launch(program, process.argv.slice(3));
  process.stderr.write(
    `There is no ${name} here. Run \`npm ci\` first, as the owner of this folder and with its development packages.\n`,
  );
  process.exitCode = 1;
}

module.exports = { launch };
if (require.main === module) main();
