import { join } from 'node:path';
import { isJsonObject, oneLine } from '@foretoken/input';
import { readTextFile } from '@foretoken/input/node';
import { UsageError } from '../errors.js';
import { hasFile, readFields } from '../models/json-fields.js';
import { renderTemplate } from './render-template.js';

/** Bytes of a template; those of models have some thousands. */
const MOST_BYTES = 2 ** 20;

export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

/** Of several templates with names, the one that is called default, or the first. */
function ofSeveral(values: readonly unknown[]): string | undefined {
  const named = values.filter(isJsonObject);
  return textOf((named.find(({ name }) => name === 'default') ?? named[0])?.['template']);
}

/** The template's text: a file of its own, or a field, which may hold several of which one is the default. */
function templateText(folder: string): string | undefined {
  const file = 'chat_template.jinja';
  if (hasFile(folder, file))
    return readTextFile(join(folder, file), { maxBytes: MOST_BYTES, error: UsageError });
  const field =
    readFields(folder, 'tokenizer_config.json')['chat_template'] ??
    readFields(folder, 'chat_template.json')['chat_template'];
  return Array.isArray(field) ? ofSeveral(field) : textOf(field);
}

const tokenText = (value: unknown): string | undefined =>
  textOf(isJsonObject(value) ? value['content'] : value);

/** Writes conversations as a model was trained to read them. */
export class ChatTemplate {
  readonly #folder: string;
  readonly #template: string;
  readonly #tokens: Readonly<Record<string, string | undefined>>;

  /** @throws UsageError when the model has no template, or one that cannot be used */
  constructor(folder: string) {
    const text = templateText(folder);
    if (text === undefined) {
      throw new UsageError(
        `--chat: ${folder} has no chat template (chat_template in tokenizer_config.json, or chat_template.jinja): it is no chat model. Leave --chat out to continue a text.`,
      );
    }
    this.#folder = folder;
    this.#template = text;
    if (text.length > MOST_BYTES)
      throw this.#refused(new Error(`it has ${text.length} characters; the limit is ${MOST_BYTES}`));
    const config = {
      ...readFields(folder, 'special_tokens_map.json'),
      ...readFields(folder, 'tokenizer_config.json'),
    };
    const names = ['bos_token', 'eos_token', 'unk_token', 'pad_token'];
    this.#tokens = Object.fromEntries(names.map((name) => [name, tokenText(config[name])]));
  }

  /** A conversation, up to where the answer begins. It holds the token that begins a text, if one does. */
  render(messages: readonly ChatMessage[]): string {
    return this.renderAll([messages])[0] as string;
  }

  /** Several conversations at once, which costs little more than one. */
  renderAll(conversations: readonly (readonly ChatMessage[])[]): readonly string[] {
    try {
      return renderTemplate(
        this.#template,
        conversations.map((messages) => ({ messages, add_generation_prompt: true, ...this.#tokens })),
      );
    } catch (error) {
      throw this.#refused(error);
    }
  }

  #refused(error: unknown): UsageError {
    const reason = error instanceof Error ? error.message : String(error);
    return new UsageError(
      `--chat: the chat template of ${this.#folder} fails: ${oneLine(reason).replace(/\.$/, '')}.`,
    );
  }
}
