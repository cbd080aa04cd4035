import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Template } from '@huggingface/jinja';
import { UsageError } from '../errors.js';
import { readFields } from '../models/json-fields.js';

export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

/** The template's text: a file of its own, or a field, which may hold several of which one is the default. */
function templateText(folder: string): string | undefined {
  const file = join(folder, 'chat_template.jinja');
  if (existsSync(file)) return readFileSync(file, 'utf8');
  const field =
    readFields(folder, 'tokenizer_config.json')['chat_template'] ??
    readFields(folder, 'chat_template.json')['chat_template'];
  if (!Array.isArray(field)) return typeof field === 'string' ? field : undefined;
  const named = field as readonly { readonly name?: string; readonly template?: string }[];
  return (named.find(({ name }) => name === 'default') ?? named[0])?.template;
}

const tokenText = (value: unknown): string | undefined => {
  if (typeof value === 'string') return value;
  return (value as { readonly content?: string } | null | undefined)?.content;
};

/** Writes conversations as a model was trained to read them. */
export class ChatTemplate {
  readonly #folder: string;
  readonly #template: Template;
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
    try {
      this.#template = new Template(text);
    } catch (error) {
      throw this.#refused(error);
    }
    const config = {
      ...readFields(folder, 'special_tokens_map.json'),
      ...readFields(folder, 'tokenizer_config.json'),
    };
    const names = ['bos_token', 'eos_token', 'unk_token', 'pad_token'];
    this.#tokens = Object.fromEntries(names.map((name) => [name, tokenText(config[name])]));
  }

  /** The conversation, up to where the answer begins. It holds the token that begins a text, if one does. */
  render(messages: readonly ChatMessage[]): string {
    try {
      return this.#template.render({ messages: [...messages], add_generation_prompt: true, ...this.#tokens });
    } catch (error) {
      throw this.#refused(error);
    }
  }

  #refused(error: unknown): UsageError {
    const reason = error instanceof Error ? error.message : String(error);
    return new UsageError(`--chat: the chat template of ${this.#folder} fails: ${reason.split('\n')[0]}`);
  }
}
