import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../src/errors.js';
import type { ChatMessage } from '../src/generation/chat-template.js';
import { type Answering, Conversation } from '../src/generation/conversation.js';
import { TerminalChat } from '../src/generation/terminal-chat.js';

/** Ids of letters. */
const encode = (line: string): number[] => [...line].map((letter) => letter.charCodeAt(0));
const decode = (ids: readonly number[]): string => String.fromCharCode(...ids);

/** `u:hello|a:...|` */
const render = (messages: readonly ChatMessage[]): string =>
  messages.map(({ role, content }) => `${role[0]}:${content}|`).join('');

/** Answers `1`, `2`, ... and keeps what it was asked; refuses what is longer than the context. */
class Counting implements Answering {
  readonly asked: string[] = [];

  constructor(readonly context: number) {}

  async continue(
    [prompt = []]: Parameters<Answering['continue']>[0],
    _: unknown,
    onText: Parameters<Answering['continue']>[2],
  ): ReturnType<Answering['continue']> {
    if (prompt.length > this.context) throw new UsageError('too long');
    this.asked.push(decode(prompt));
    const answer = String(this.asked.length);
    onText(0, answer);
    return [{ text: answer, ids: [], tokensPerSecond: 0, acceptanceRate: null }];
  }
}

const conversationOf = (continuer: Counting, system?: string): Conversation =>
  new Conversation({
    template: { render },
    encode,
    continuer,
    context: continuer.context,
    options: { maxNewTokens: 8, stops: [] },
    system,
  });

describe('a conversation', () => {
  it('remembers its turns, and begins anew with the same system message', async () => {
    const counting = new Counting(100);
    const conversation = conversationOf(counting, 'be kind');
    const pieces: string[] = [];
    expect(await conversation.say('hi', (piece) => pieces.push(piece))).toEqual({
      answer: '1',
      forgotten: 0,
    });
    await conversation.say('more', () => undefined);
    conversation.reset();
    await conversation.say('again', () => undefined);
    expect(counting.asked).toEqual(['s:be kind|u:hi|', 's:be kind|u:hi|a:1|u:more|', 's:be kind|u:again|']);
    expect(pieces).toEqual(['1']);
  });

  it('forgets the oldest turns where the context is full, whole ones', async () => {
    const counting = new Counting(24);
    const conversation = conversationOf(counting);
    const forgotten = [];
    for (const line of ['aaaa', 'bbbb', 'cccc'])
      forgotten.push((await conversation.say(line, () => undefined)).forgotten);
    expect(forgotten).toEqual([0, 2, 2]);
    expect(counting.asked.at(-1)).toBe('u:cccc|');
  });

  it('goes on behind a turn that is too long', async () => {
    const counting = new Counting(24);
    const conversation = conversationOf(counting);
    await conversation.say('hi', () => undefined);
    await expect(conversation.say('x'.repeat(40), () => undefined)).rejects.toThrow('too long');
    await conversation.say('yo', () => undefined);
    expect(counting.asked.at(-1)).toBe('u:hi|a:1|u:yo|');
  });
});

/** Begins an answer, and ends it when it is told to. */
class Endless implements Answering {
  readonly asked: string[] = [];

  async continue(
    [prompt = []]: Parameters<Answering['continue']>[0],
    { signal }: Parameters<Answering['continue']>[1],
    onText: Parameters<Answering['continue']>[2],
  ): ReturnType<Answering['continue']> {
    this.asked.push(decode(prompt));
    onText(0, 'and so on');
    await new Promise((resolve) => signal?.addEventListener('abort', resolve));
    return [{ text: 'and so on', ids: [], tokensPerSecond: 0, acceptanceRate: null }];
  }
}

/** A stream that says it is a terminal, and what has been written to it. */
function screen() {
  const stream = Object.assign(new PassThrough(), { isTTY: true, columns: 80, setRawMode: () => undefined });
  let shown = '';
  stream.on('data', (chunk: Buffer) => {
    shown += chunk.toString();
  });
  return { stream, shown: () => shown };
}

const until = async (holds: () => boolean): Promise<void> => {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
};

const CTRL_C = '\u0003';
const ARROW_UP = '\u001b[A';

describe('a conversation on a terminal', () => {
  it.each(['standard error', 'standard output'])(
    'ends an answer at Ctrl-C and goes on, knows earlier lines, and ends at Ctrl-C twice; prompt on %s',
    async (place) => {
      const [keys, promptScreen, other] = [new PassThrough(), screen(), new PassThrough()];
      const input = Object.assign(keys, { isTTY: true, setRawMode: () => undefined });
      const onErrors = place === 'standard error';
      const endless = new Endless();
      const conversation = new Conversation({
        template: { render },
        encode,
        continuer: endless,
        context: 100,
        options: { maxNewTokens: 8, stops: [] },
      });
      const chat = new TerminalChat(conversation, {
        input,
        output: onErrors ? other : promptScreen.stream,
        notes: onErrors ? promptScreen.stream : other,
      });
      const ended = chat.run();
      const prompted = async (key: string): Promise<void> => {
        const before = promptScreen.shown().length;
        input.write(key);
        await until(() => promptScreen.shown().slice(before).includes('> '));
      };
      await until(() => promptScreen.shown().includes('> '));
      input.write('one\r');
      await until(() => endless.asked.length === 1);
      await prompted(CTRL_C);
      input.write(`${ARROW_UP}\r`);
      await until(() => endless.asked.length === 2);
      await prompted(CTRL_C);
      // What was typed is dropped first; then once is not enough.
      input.write('never said');
      await prompted(CTRL_C);
      await prompted(CTRL_C);
      input.write(CTRL_C);
      await ended;
      expect(endless.asked).toEqual(['u:one|', 'u:one|a:and so on|u:one|']);
    },
  );

  it('takes commands, passes over blank lines, and outlives a turn that fails', async () => {
    const [input, output, notes] = [new PassThrough(), new PassThrough(), new PassThrough()];
    const counting = new Counting(40);
    const chat = new TerminalChat(conversationOf(counting), { input, output, notes });
    input.end(`one\n\n/what\n${'x'.repeat(60)}\ntwo\n/reset\nthree\n/exit\nfour\n`);
    await chat.run();
    output.end();
    notes.end();
    expect(await text(output)).toBe('1\n2\n3\n');
    expect(counting.asked).toEqual(['u:one|', 'u:one|a:1|u:two|', 'u:three|']);
    const said = await text(notes);
    expect(said).toContain('too long');
    expect(said.match(/Ctrl-D ends/g)).toHaveLength(2);
  });
});
