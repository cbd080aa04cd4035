import { Interrupted } from './errors.js';

/**
 * A signal that Ctrl-C raises. The first one lets the work save its state; a second one ends the process at once.
 */
export function interruptSignal(): AbortSignal {
  const controller = new AbortController();
  const stop = (): void => {
    if (controller.signal.aborted) process.exit(130);
    process.stderr.write('\nStopping after a checkpoint (press Ctrl-C again to stop at once) ...\n');
    controller.abort(new Interrupted('interrupted'));
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  return controller.signal;
}
