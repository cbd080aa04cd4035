import type { ChatMessage, ChatTemplate } from './chat-template.js';
import type { Continuation, ContinueOptions } from './continuation.js';

/** What of a `Continuer` a conversation needs. */
export interface Answering {
  continue(
    prompts: readonly (readonly number[])[],
    options: ContinueOptions,
    onText: (row: number, piece: string) => void,
  ): Promise<Continuation[]>;
}

export interface ConversationParts {
  readonly template: Pick<ChatTemplate, 'render'>;
  readonly encode: (text: string) => readonly number[];
  readonly continuer: Answering;
  /** Most tokens of conversation and answer together. */
  readonly context: number;
  readonly options: ContinueOptions;
  readonly system?: string | undefined;
}

/** What became of a turn. */
export interface Turn {
  readonly answer: string;
  /** Earlier messages that no longer fit the context, and were left out. */
  readonly forgotten: number;
}

/** A conversation. It remembers its turns as long as they fit the context, and forgets the oldest first. */
export class Conversation {
  readonly #parts: ConversationParts;
  #messages: ChatMessage[] = [];
  /** Of all conversations so far: each answer draws from a stream of its own. */
  #turns = 0;

  constructor(parts: ConversationParts) {
    this.#parts = parts;
  }

  /** Begins anew, with the same system message. */
  reset(): void {
    this.#messages = [];
  }

  /**
   * Says something and gives the answer, up to where the signal aborts it: what had been answered is remembered.
   *
   * @throws UsageError where what is said alone fills the context; then it is forgotten
   */
  async say(content: string, onText: (piece: string) => void, signal?: AbortSignal): Promise<Turn> {
    const { continuer, options } = this.#parts;
    const messages: ChatMessage[] = [...this.#messages, { role: 'user', content }];
    const { ids, forgotten } = this.#fitting(messages);
    const numbered = { ...options, firstStream: this.#turns++ };
    const settings = signal === undefined ? numbered : { ...numbered, signal };
    const [result] = await continuer.continue([ids], settings, (_, piece) => onText(piece));
    const answer = result?.text ?? '';
    this.#messages = [...messages.slice(forgotten), { role: 'assistant', content: answer }];
    return { answer, forgotten };
  }

  /** The newest messages that leave room for an answer: as much as it may have, and half of the context at most. */
  #fitting(messages: readonly ChatMessage[]): { ids: readonly number[]; forgotten: number } {
    const { context, options } = this.#parts;
    const room = context - Math.min(options.maxNewTokens, Math.floor(context / 2));
    // Turns are forgotten whole: templates want user and assistant in turns.
    for (let forgotten = 0; ; forgotten += 2) {
      const ids = this.#idsOf(messages.slice(forgotten));
      if (ids.length <= room || forgotten + 2 >= messages.length) return { ids, forgotten };
    }
  }

  #idsOf(messages: readonly ChatMessage[]): readonly number[] {
    const { template, encode, system } = this.#parts;
    const begin: ChatMessage[] = system === undefined ? [] : [{ role: 'system', content: system }];
    return encode(template.render([...begin, ...messages]));
  }
}
