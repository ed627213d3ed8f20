// The engine's thread: opens the engine with the data it was started with and speaks the contract over its port.
import { parentPort, workerData } from 'node:worker_threads';
import { createBirpc } from 'birpc';
import { isCommandName, isEngineCommand } from '../../shared/contract.ts';
import { AppError, toErrorData } from '../../shared/errors.ts';
import { must } from '../../shared/assert.ts';
import type { EngineCalls, HostCalls, WorkerData } from '../host/engine-channel.ts';
import { Engine } from './engine.ts';
import { letOthersGoFirst } from './basics/gentle.ts';

const port = must(parentPort, 'this file is only ever started as a thread');
const { dataDir, isDeclaredOnly, version, secretKey, progressEveryMs, death } = workerData as WorkerData;

// Without a data folder nothing is protected: somebody waits for a restore.
if (dataDir !== undefined) await letOthersGoFirst();
try {
  const engine = Engine.open({
    dataDir,
    isDeclaredOnly,
    version,
    secretKey,
    death,
    progressEveryMs,
    // Nobody waits for an answer.
    onState: (state) => void host.state.asEvent(state),
  });
  const host = createBirpc<HostCalls, EngineCalls>(
    {
      invoke: async (name, argument) => {
        if (isCommandName(name) && isEngineCommand(name)) return await engine.invoke(name, argument);
        return { ok: false, error: new AppError('not-available', { what: name }).toData() };
      },
      stop: async () => {
        await engine.close();
        // Nothing holds the thread any more: it ends by itself once this answer is out.
        setImmediate(() => port.close());
      },
    },
    { post: (data) => port.postMessage(data), on: (listener) => void port.on('message', listener), timeout: -1 },
  );
  port.postMessage({ kind: 'ready', state: engine.state });
} catch (error) {
  port.postMessage({ kind: 'failed', error: toErrorData(error) });
  port.close();
}
