import {
  jsonFlag,
  optionalNumber,
  optionalText,
  optionalTexts,
  seedNumber,
  text,
  wholeNumber,
} from '../flags.js';
import { evaluationTasks, parseTask } from './tasks.js';

/** What stands between documents of a text where nothing else is said. */
export const DOCUMENT_SEPARATOR = '<|endoftext|>';

/** Flags of the command that evaluates models. */
export const evaluateFlags = {
  model: {
    kind: 'parsed',
    placeholder: 'MODEL',
    parse: text,
    variadic: true,
    brief:
      'Folder of a checkpoint, a run or adapters, or name on the Hugging Face hub; give it again to compare',
  },
  adapter: optionalTexts(
    'DIR',
    "Folder of adapters in PEFT's format to put on the model; give it again to compare",
  ),
  task: {
    kind: 'parsed',
    placeholder: 'NAME',
    parse: parseTask,
    brief: Object.keys(evaluationTasks).join(', '),
  },
  data: optionalText(
    'PATH',
    'File, or folder with a file for each split; of images the folder of the data set [default = below FORETOKEN_DATA]',
  ),
  split: {
    kind: 'enum',
    values: ['train', 'validation', 'test'],
    default: 'test',
    brief: 'Which file of a folder',
  },
  tokenizer: optionalText('DIR', 'Folder of the tokenizer [default = that of the model]'),
  limit: optionalNumber('Only so many questions, documents or images, the first ones', 1e9),
  batch: optionalNumber('Windows, questions or images at a time', 65_536),
  column: optionalText('NAME', 'perplexity: column of the text [default = text]'),
  separator: optionalText(
    'TEXT',
    `perplexity: text between documents, or none [default = ${DOCUMENT_SEPARATOR}]`,
  ),
  window: optionalNumber('perplexity: tokens read at a time [default = the context, at most 2048]', 2 ** 20),
  stride: optionalNumber('perplexity: tokens between the beginnings of windows that overlap', 2 ** 20),
  endToken: {
    kind: 'boolean',
    optional: true,
    withNegated: false,
    brief: 'perplexity: score the token that ends a document, too',
  },
  shots: optionalNumber('questions: worked examples before each', 1000),
  shotsData: optionalText(
    'FILE',
    'questions: file of those examples [default = another split of the folder]',
  ),
  maxTokens: optionalNumber('questions: most tokens of an answer', 2 ** 20),
  stop: optionalTexts('TEXT', 'questions: text that ends an answer'),
  bidirectionalPrefix: {
    kind: 'boolean',
    optional: true,
    withNegated: false,
    brief: 'questions: prompts are read in both directions, for models trained so',
  },
  seed: {
    kind: 'parsed',
    placeholder: 'N',
    parse: seedNumber,
    default: '0',
    brief: 'Seed of the intervals',
  },
  resamples: {
    kind: 'parsed',
    placeholder: 'N',
    parse: wholeNumber(1, 100_000),
    default: '1000',
    brief: 'Resamples of the intervals',
  },
  out: optionalText('DIR', 'Folder for results.json and samples.jsonl, and of images the confusion matrix'),
  json: jsonFlag,
} as const;
