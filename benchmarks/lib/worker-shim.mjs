// Web Workers over Node's worker threads, as far as jax-js needs them to run its WebAssembly kernels in parallel.
import { resolveObjectURL } from 'node:buffer';
import { Worker as Thread } from 'node:worker_threads';

/** Runs in the thread before the library's own source: what that expects to find around it. */
const PRELUDE = `
const { parentPort } = require('node:worker_threads');
globalThis.self = globalThis;
globalThis.postMessage = (message) => parentPort.postMessage(message);
parentPort.on('message', (data) => globalThis.onmessage({ data }));
`;

class WebWorker {
  onmessage = () => {};
  onerror = () => {};
  #thread;

  constructor(url) {
    const blob = resolveObjectURL(url);
    this.#thread = blob.text().then((source) => this.#start(source));
  }

  #start(source) {
    const thread = new Thread(PRELUDE + source, { eval: true });
    thread.on('message', (data) => this.onmessage({ data }));
    thread.on('error', (error) => this.onerror(error));
    return thread;
  }

  postMessage(message) {
    this.#thread.then((thread) => thread.postMessage(message));
  }
}

/** With one thread nothing is set, as Node has it: jax-js then computes on the JavaScript thread. */
export function installWorkers(threads) {
  const navigator = { userAgent: 'Node.js', hardwareConcurrency: threads };
  Object.defineProperty(globalThis, 'navigator', { value: navigator, configurable: true });
  if (threads > 1) globalThis.Worker = WebWorker;
}
