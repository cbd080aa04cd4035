import type { PublishedDataSet } from './published.js';

const TINY_STORIES =
  'https://huggingface.co/datasets/roneneldan/TinyStories/resolve/f54c09fd23315a6f9c86f9dc80f725de7d8f9c64';
const TINY_LLAMAS = 'https://huggingface.co/karpathy/tinyllamas/resolve/main/stories260K';
const GSM8K =
  'https://raw.githubusercontent.com/openai/grade-school-math/3101c7d5072418e28b9008a6636bde82a006892c/grade_school_math/data';
const AQUA =
  'https://raw.githubusercontent.com/google-deepmind/AQuA/26b64ed1f22208c6742f47df547dfd65088ec30d';
const DIALOG_SUM =
  'https://raw.githubusercontent.com/cylnlp/dialogsum/848cc8c05e0a04def79326539de827f1b28786a0/DialogSum_Data';

const MEBI = 2 ** 20;

const gsm8k = { format: 'json-lines', fields: ['question', 'answer'] } as const;
const aqua = { format: 'json-lines', fields: ['question', 'options', 'rationale', 'correct'] } as const;

/** Texts, and the small language model that was trained on such. */
export const textCatalog: readonly PublishedDataSet[] = [
  {
    name: 'stories260K',
    title: 'stories260K',
    holds: 'a pretrained Llama of 260,032 parameters for short English stories',
    licence: 'MIT',
    home: 'https://huggingface.co/karpathy/tinyllamas',
    note: "The files of llama2.c, converted to Hugging Face's format after the download.",
    files: [
      {
        name: 'stories260K.bin',
        url: `${TINY_LLAMAS}/stories260K.bin`,
        bytes: 1_056_540,
        sha256: 'b0a507e7ad0f626624f17112325e66691f9076d622e1d3274d103d00299f2696',
        format: 'binary',
      },
      {
        name: 'tok512.bin',
        url: `${TINY_LLAMAS}/tok512.bin`,
        bytes: 6_227,
        sha256: '037cb335abb25d1fa9e8ecae30ed2a3a8ace9302862ebcdc05d51a6bbb10c312',
        format: 'binary',
      },
    ],
    derived: {
      by: 'stories260K',
      files: [
        { name: 'config.json', sha256: '2731815361c424251446658baec4e6c24763cd864f16de6327a414eb921b9abb' },
        {
          name: 'generation_config.json',
          sha256: '4343466842161d105b58aa22cbcbb83b69f27297abf7b0bb8131d8778d1eab87',
        },
        {
          name: 'special_tokens_map.json',
          sha256: '96bdbb8504d9967606e5f661ccc7cbbac44a3661af863a7a58614670a0ccab33',
        },
        {
          name: 'tokenizer.json',
          sha256: 'b97eb0dd9ebc870db99401517120be52b3bb76292a5b24abde301027ee5c3f40',
        },
        {
          name: 'tokenizer_config.json',
          sha256: '96cb74ebdbc4c2dce6daffe30a85170fe3156af8518e59637ca67194162ffcd7',
        },
        {
          name: 'model.safetensors',
          sha256: '407a7c581bdd66972383ce9ad24857713fb98786d06ea564a2fe9b34ebe77dfd',
        },
      ],
    },
  },
  {
    name: 'tinystories',
    title: 'TinyStories',
    holds: '4,000 and 200 short English stories, the first ones of the validation file',
    licence: 'CDLA-Sharing-1.0',
    home: 'https://huggingface.co/datasets/roneneldan/TinyStories',
    note: 'train.txt and valid.txt are cut from TinyStories-valid.txt after the download.',
    files: [
      {
        name: 'TinyStories-valid.txt',
        url: `${TINY_STORIES}/TinyStories-valid.txt`,
        bytes: 19_447_282,
        sha256: '94e431816c4cce81ff71e4408ff8d3bda9a42e8d2663986697c3954288cb38b4',
        format: 'text',
      },
    ],
    derived: {
      by: 'tinystories',
      files: [
        { name: 'train.txt', sha256: null },
        { name: 'valid.txt', sha256: null },
      ],
    },
    cut: {
      folder: 'tinystories',
      holds: 'a sample of 949 and 50 stories',
      files: [
        { name: 'train.txt', sha256: 'fc6d7d283209bfa409deb5cb86d1f2383468d5bfa8fb835538583a9bc30c7a72' },
        { name: 'valid.txt', sha256: '471bcaad6be6f6fb349e7905c764a87e3acf0fd9ea89acfa44c240f4a2d7b025' },
      ],
    },
  },
  {
    name: 'tinyshakespeare',
    title: 'tiny Shakespeare',
    holds: "1.1 million characters of Shakespeare's plays",
    licence: 'public domain (the repository: MIT)',
    home: 'https://github.com/karpathy/char-rnn',
    files: [
      {
        name: 'input.txt',
        url: 'https://raw.githubusercontent.com/karpathy/char-rnn/6f9487a6fe5b420b7ca9afb0d7c078e37c1d1b4e/data/tinyshakespeare/input.txt',
        bytes: 1_115_394,
        sha256: '86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed',
        format: 'text',
      },
    ],
  },
  {
    name: 'gsm8k',
    title: 'GSM8K',
    holds: '7,473 + 1,319 grade-school math word problems with worked answers',
    licence: 'MIT',
    home: 'https://github.com/openai/grade-school-math',
    files: [
      {
        name: 'train.jsonl',
        url: `${GSM8K}/train.jsonl`,
        bytes: 4_166_206,
        sha256: '17f347dc51477c50d4efb83959dbb7c56297aba886e5544ee2aaed3024813465',
        ...gsm8k,
        lines: 7_473,
      },
      {
        name: 'test.jsonl',
        url: `${GSM8K}/test.jsonl`,
        bytes: 749_738,
        sha256: '3730d312f6e3440559ace48831e51066acaca737f6eabec99bccb9e4b3c39d14',
        ...gsm8k,
        lines: 1_319,
      },
    ],
  },
  {
    name: 'aqua-rat',
    title: 'AQuA-RAT',
    holds: '97,467 + 254 + 254 algebra word problems with rationales and five options',
    licence: 'Apache-2.0',
    home: 'https://github.com/google-deepmind/AQuA',
    files: [
      {
        name: 'train.jsonl',
        url: `${AQUA}/train.json`,
        bytes: null,
        mostBytes: 256 * MEBI,
        sha256: null,
        ...aqua,
        lines: 97_467,
      },
      {
        name: 'dev.jsonl',
        url: `${AQUA}/dev.json`,
        bytes: 132_008,
        sha256: '4a52301d8a49ae0b286f8e697f9c5da1b109b247b825b47b4c6de34312dceec5',
        ...aqua,
        lines: 254,
      },
      {
        name: 'test.jsonl',
        url: `${AQUA}/test.json`,
        bytes: 130_192,
        sha256: 'de41581881ef95c5588c44ddc701c77fd480839241dd422a0d181262af24520c',
        ...aqua,
        lines: 254,
      },
    ],
    cut: {
      folder: 'aqua-rat',
      holds: 'the dev and test problems alone',
      files: [
        { name: 'dev.jsonl', sha256: '4a52301d8a49ae0b286f8e697f9c5da1b109b247b825b47b4c6de34312dceec5' },
        { name: 'test.jsonl', sha256: 'de41581881ef95c5588c44ddc701c77fd480839241dd422a0d181262af24520c' },
      ],
    },
  },
  {
    name: 'dialogsum',
    title: 'DialogSum',
    holds: '12,460 + 500 + 500 dialogues with summaries',
    licence: 'CC BY-NC-SA 4.0 (non-commercial)',
    home: 'https://github.com/cylnlp/dialogsum',
    files: [
      {
        name: 'dialogsum.train.jsonl',
        url: `${DIALOG_SUM}/dialogsum.train.jsonl`,
        bytes: null,
        mostBytes: 64 * MEBI,
        sha256: null,
        format: 'json-lines',
        fields: ['dialogue', 'summary'],
        lines: 12_460,
      },
      {
        name: 'dialogsum.dev.jsonl',
        url: `${DIALOG_SUM}/dialogsum.dev.jsonl`,
        bytes: 471_830,
        sha256: '436721e0a3571eef7072964f80e042fb151d8c6178db1a688ce8f803bbf0a13f',
        format: 'json-lines',
        fields: ['dialogue', 'summary'],
        lines: 500,
      },
      {
        name: 'dialogsum.test.jsonl',
        url: `${DIALOG_SUM}/dialogsum.test.jsonl`,
        bytes: 639_707,
        sha256: '6de36eca7e7b9b10975fd5ea3f47391df172d8b3c15d03d84d763cbaab015fda',
        format: 'json-lines',
        fields: ['dialogue', 'summary1'],
        lines: 500,
      },
    ],
    cut: {
      folder: 'dialogsum',
      holds: 'the dev and test dialogues alone',
      files: [
        {
          name: 'dialogsum.dev.jsonl',
          sha256: '436721e0a3571eef7072964f80e042fb151d8c6178db1a688ce8f803bbf0a13f',
        },
        {
          name: 'dialogsum.test.jsonl',
          sha256: '6de36eca7e7b9b10975fd5ea3f47391df172d8b3c15d03d84d763cbaab015fda',
        },
      ],
    },
  },
];
