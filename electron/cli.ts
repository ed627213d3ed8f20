#!/usr/bin/env node
// The command line's entry: checks the runtime before anything native is loaded, then hands over to cli/program.ts.
// Only dynamic imports here, so that an old Node gets a sentence instead of a crash.

const oldest = [22, 14] as const;
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if (major < oldest[0] || (major === oldest[0] && minor < oldest[1])) {
  process.stderr.write(
    `tidemark needs Node ${oldest.join('.')} or newer; this is Node ${process.versions.node}.\n` +
      'Nothing was started. Install a newer Node, or start it with npx inside the checkout, which brings its own.\n',
  );
  process.exitCode = 1;
} else {
  const { runCommandLine } = await import('./cli/program.ts');
  process.exitCode = await runCommandLine(process.argv.slice(2), import.meta.url);
}
