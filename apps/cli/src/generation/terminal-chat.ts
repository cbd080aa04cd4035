import { createInterface, type Interface } from 'node:readline';
import { ForetokenError } from '@foretoken/input';
import type { Conversation } from './conversation.js';

/** The streams of a terminal. */
export interface Terminal {
  readonly input: NodeJS.ReadableStream;
  /** Answers. */
  readonly output: NodeJS.WritableStream;
  /** Everything else. */
  readonly notes: NodeJS.WritableStream;
}

const isTerminal = (stream: NodeJS.WritableStream): boolean =>
  (stream as { readonly isTTY?: boolean }).isTTY === true;

/** Where prompt and typed letters go. Keys such as Ctrl-C come one by one only where that is a terminal. */
const shownOn = ({ output, notes }: Terminal): NodeJS.WritableStream =>
  isTerminal(output) && !isTerminal(notes) ? output : notes;

const HELP = '/reset begins anew, /exit or Ctrl-D ends. Ctrl-C stops an answer.';

/** Turns on a terminal until it is ended: by Ctrl-D, `/exit`, or Ctrl-C twice where nothing is being answered. */
export class TerminalChat {
  readonly #conversation: Conversation;
  readonly #terminal: Terminal;
  readonly #lines: Interface;
  #answering: AbortController | undefined;
  #askedToEnd = false;
  /** Lines that were typed while something was answered. */
  readonly #waiting: string[] = [];
  #closed = false;
  /** Wakes who waits for a line, or the end. */
  #wake = (): void => undefined;

  constructor(conversation: Conversation, terminal: Terminal) {
    this.#conversation = conversation;
    this.#terminal = terminal;
    this.#lines = createInterface({ input: terminal.input, output: shownOn(terminal) });
    this.#lines.setPrompt('> ');
    this.#lines.on('SIGINT', () => this.#interrupted());
    // Not the iterator of the lines, which drops those that wait when the input ends.
    this.#lines.on('line', (line) => {
      this.#waiting.push(line);
      this.#wake();
    });
    this.#lines.on('close', () => {
      this.#closed = true;
      this.#wake();
    });
  }

  async run(): Promise<void> {
    this.#tell(HELP);
    this.#lines.prompt();
    try {
      for (let line = await this.#next(); line !== undefined; line = await this.#next()) {
        this.#askedToEnd = false;
        if (line.trim() === '/exit') return;
        await this.#take(line);
        if (!this.#closed) this.#lines.prompt();
      }
      // Ctrl-D leaves the cursor behind the prompt.
      this.#tell('');
    } finally {
      this.#lines.close();
    }
  }

  /** The next line; undefined where there are no more. */
  async #next(): Promise<string | undefined> {
    while (this.#waiting.length === 0 && !this.#closed) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#waiting.shift();
  }

  async #take(line: string): Promise<void> {
    const text = line.trim();
    if (text === '') return;
    if (text === '/reset') {
      this.#conversation.reset();
      this.#tell('A new conversation.');
    } else if (/^\/\w+$/.test(text)) this.#tell(HELP);
    else await this.#answer(line);
  }

  async #answer(line: string): Promise<void> {
    this.#answering = new AbortController();
    try {
      const { forgotten } = await this.#conversation.say(
        line,
        (piece) => void this.#terminal.output.write(piece),
        this.#answering.signal,
      );
      this.#terminal.output.write('\n');
      if (forgotten > 0) this.#tell(`(The oldest ${forgotten} messages no longer fit the context.)`);
    } catch (error) {
      // One turn that does not work ends no conversation.
      if (!(error instanceof ForetokenError)) throw error;
      this.#tell(error.message);
    } finally {
      this.#answering = undefined;
    }
  }

  #interrupted(): void {
    if (this.#answering !== undefined) {
      this.#answering.abort();
      return;
    }
    const isEmpty = this.#lines.line === '';
    if (this.#askedToEnd && isEmpty) {
      this.#lines.close();
      return;
    }
    this.#askedToEnd = isEmpty;
    // Ctrl-U: forgets what was typed.
    this.#lines.write(null, { ctrl: true, name: 'u' });
    this.#tell(this.#askedToEnd ? '\nCtrl-C again ends the conversation.' : '');
    this.#lines.prompt();
  }

  #tell(text: string): void {
    this.#terminal.notes.write(`${text}\n`);
  }
}
