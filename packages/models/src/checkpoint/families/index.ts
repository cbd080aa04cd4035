import type { TextFamily } from '../family.js';
import { gemma } from './gemma.js';
import { gemma2 } from './gemma2.js';
import { gpt2 } from './gpt2.js';
import { llama } from './llama.js';
import { mistral } from './mistral.js';
import { qwen2 } from './qwen2.js';

/** All that can be read and written. A config that several can express is written as the first of them. */
export const TEXT_FAMILIES: readonly TextFamily[] = [llama, mistral, qwen2, gemma, gemma2, gpt2];
