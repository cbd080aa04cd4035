import { createContext, Script } from 'node:vm';

const context = createContext({});
const script = new Script('work()');

/** @returns `finished: false` where the time was up; whatever `work` throws is thrown */
export function limitTime<Result>(
  work: () => Result,
  milliseconds: number,
): { readonly finished: true; readonly result: Result } | { readonly finished: false } {
  context['work'] = work;
  try {
    // A watchdog thread interrupts what runs, patterns that backtrack among it.
    return {
      finished: true,
      result: script.runInContext(context, { timeout: Math.ceil(milliseconds) }) as Result,
    };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
    return { finished: false };
  } finally {
    context['work'] = undefined;
  }
}
