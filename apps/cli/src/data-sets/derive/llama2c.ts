// The binary files of llama2.c (legacy format, version 0), as export.py and tokenizer.py of that project write them.
import { type HostTensor, writeSafetensors } from '@foretoken/nn';
import { DataSetError } from '../errors.js';

/** Sizes in the header of a checkpoint. */
export interface Llama2cConfig {
  readonly width: number;
  readonly mlpWidth: number;
  readonly layers: number;
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly vocabularySize: number;
  readonly context: number;
}

/** Reads f32 tensors one behind the other. */
class TensorReader {
  #offset: number;

  constructor(
    readonly bytes: Uint8Array,
    start: number,
  ) {
    this.#offset = start;
  }

  take(...shape: number[]): HostTensor {
    const size = shape.reduce((product, length) => product * length, 1);
    const end = this.#offset + 4 * size;
    if (end > this.bytes.length) throw new DataSetError('the checkpoint of llama2.c ends too early');
    // A copy of its own: a Buffer's slice would not be one.
    const data = new Float32Array(new Uint8Array(this.bytes.subarray(this.#offset, end)).buffer);
    this.#offset = end;
    return { data, shape, dtype: 'f32' };
  }

  /** One tensor for each layer. */
  takeEach(layers: number, ...shape: number[]): HostTensor[] {
    return Array.from({ length: layers }, () => this.take(...shape));
  }
}

/**
 * Rows of a projection in Hugging Face's order: llama2.c rotates the pairs (2i, 2i + 1) of a head, Hugging Face the pairs
 * (i, i + headDim / 2).
 */
function reorderRows({ data, shape }: HostTensor, heads: number): HostTensor {
  const [rows, columns] = shape as [number, number];
  const headDim = rows / heads;
  const moved = new Float32Array(data.length);
  for (let row = 0; row < rows; row++) {
    const [head, index] = [Math.floor(row / headDim), row % headDim];
    const from = head * headDim + (index < headDim / 2 ? 2 * index : 2 * (index - headDim / 2) + 1);
    moved.set((data as Float32Array).subarray(from * columns, (from + 1) * columns), row * columns);
  }
  return { data: moved, shape, dtype: 'f32' };
}

function readConfig(bytes: Uint8Array): Llama2cConfig {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [width, mlpWidth, layers, heads, keyValueHeads, vocabularySize, context] = Array.from(
    { length: 7 },
    (_, at) => view.getInt32(4 * at, true),
  ) as [number, number, number, number, number, number, number];
  return { width, mlpWidth, layers, heads, keyValueHeads, vocabularySize, context };
}

/** The weights of a checkpoint with tied embeddings as a safetensors file, under Hugging Face's names. */
export function convertWeights(bytes: Uint8Array): Uint8Array {
  const { width, mlpWidth, layers, heads, keyValueHeads, vocabularySize } = readConfig(bytes);
  const keyWidth = (width / heads) * keyValueHeads;
  const reader = new TensorReader(bytes, 28);
  const embedding = reader.take(vocabularySize, width);
  const inputNorms = reader.takeEach(layers, width);
  const queries = reader.takeEach(layers, width, width);
  const keys = reader.takeEach(layers, keyWidth, width);
  const values = reader.takeEach(layers, keyWidth, width);
  const outputs = reader.takeEach(layers, width, width);
  const mlpNorms = reader.takeEach(layers, width);
  const gates = reader.takeEach(layers, mlpWidth, width);
  const downs = reader.takeEach(layers, width, mlpWidth);
  const ups = reader.takeEach(layers, mlpWidth, width);
  const tensors = new Map<string, HostTensor>([
    ['model.embed_tokens.weight', embedding],
    ['model.norm.weight', reader.take(width)],
  ]);
  for (let layer = 0; layer < layers; layer++) {
    const at = (list: readonly HostTensor[]): HostTensor => list[layer] as HostTensor;
    for (const [name, tensor] of [
      ['input_layernorm', at(inputNorms)],
      ['self_attn.q_proj', reorderRows(at(queries), heads)],
      ['self_attn.k_proj', reorderRows(at(keys), keyValueHeads)],
      ['self_attn.v_proj', at(values)],
      ['self_attn.o_proj', at(outputs)],
      ['post_attention_layernorm', at(mlpNorms)],
      ['mlp.gate_proj', at(gates)],
      ['mlp.down_proj', at(downs)],
      ['mlp.up_proj', at(ups)],
    ] as const) {
      tensors.set(`model.layers.${layer}.${name}.weight`, tensor);
    }
  }
  const sorted = [...tensors].sort(([a], [b]) => (a < b ? -1 : 1));
  return writeSafetensors(new Map(sorted), { format: 'pt' });
}

/** The pieces of a tokenizer file, in the order of their ids. */
function readPieces(bytes: Uint8Array, count: number): string[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const decoder = new TextDecoder();
  const pieces: string[] = [];
  // The length of the longest piece comes first; each piece has a score, a length and its bytes.
  for (let at = 4; pieces.length < count; ) {
    if (at + 8 > bytes.length) throw new DataSetError('the tokenizer of llama2.c ends too early');
    const length = view.getInt32(at + 4, true);
    pieces.push(decoder.decode(bytes.subarray(at + 8, at + 8 + length)));
    at += 8 + length;
  }
  return pieces;
}

/** The marks of a text, and the 256 bytes that stand in for unknown characters, come before what was learned. */
const SPECIAL = ['<unk>', '<s>', '</s>'];
const LEARNED = SPECIAL.length + 256;

const byteName = (byte: number): string => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`;

/** Every way to make a learned piece of two others, as Hugging Face's conversion of SentencePiece lists them. */
function mergesOf(vocabulary: ReadonlyMap<string, number>): string[] {
  const idOf = (piece: string): number => vocabulary.get(piece) as number;
  return [...vocabulary.keys()].slice(LEARNED).flatMap((piece) => {
    const characters = [...piece];
    return characters
      .slice(1)
      .map((_, at) => [characters.slice(0, at + 1).join(''), characters.slice(at + 1).join('')] as const)
      .filter(([left, right]) => vocabulary.has(left) && vocabulary.has(right))
      .sort(([a, b], [c, d]) => idOf(a) - idOf(c) || idOf(b) - idOf(d))
      .map(([left, right]) => `${left} ${right}`);
  });
}

const SPACE = '\u2581';

const token = (id: number, content: string): object => ({
  id,
  content,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special: true,
});

const begin = (type: number): object => ({ SpecialToken: { id: '<s>', type_id: type } });
const sequence = (id: string, type: number): object => ({ Sequence: { id, type_id: type } });

/** Stands where the vocabulary is written: an object would put tokens that look like numbers first. */
const VOCABULARY = '@vocabulary@';

/** A tokenizer file as the text of Hugging Face's tokenizer.json, tokens in the order of their ids. */
export function convertTokenizer(bytes: Uint8Array, count: number): string {
  const pieces = readPieces(bytes, count).map((piece, id) =>
    id < SPECIAL.length
      ? (SPECIAL[id] as string)
      : id < LEARNED
        ? byteName(id - SPECIAL.length)
        : piece.replaceAll(' ', SPACE),
  );
  const vocabulary = new Map(pieces.map((piece, id) => [piece, id]));
  const tokenizer = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: SPECIAL.map((content, id) => token(id, content)),
    normalizer: {
      type: 'Sequence',
      normalizers: [
        { type: 'Prepend', prepend: SPACE },
        { type: 'Replace', pattern: { String: ' ' }, content: SPACE },
      ],
    },
    pre_tokenizer: null,
    post_processor: {
      type: 'TemplateProcessing',
      single: [begin(0), sequence('A', 0)],
      pair: [begin(0), sequence('A', 0), begin(1), sequence('B', 1)],
      special_tokens: { '<s>': { id: '<s>', ids: [1], tokens: ['<s>'] } },
    },
    decoder: {
      type: 'Sequence',
      decoders: [
        { type: 'Replace', pattern: { String: SPACE }, content: ' ' },
        { type: 'ByteFallback' },
        { type: 'Fuse' },
        { type: 'Strip', content: ' ', start: 1, stop: 0 },
      ],
    },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: '<unk>',
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: true,
      byte_fallback: true,
      ignore_merges: false,
      vocab: VOCABULARY,
      merges: mergesOf(vocabulary),
    },
  };
  const entries = pieces.map((piece, id) => `   ${JSON.stringify(piece)}: ${id}`);
  const text = JSON.stringify(tokenizer, null, 1);
  return `${text.replace(JSON.stringify(VOCABULARY), () => `{\n${entries.join(',\n')}\n  }`)}\n`;
}

/** The config.json of a checkpoint. */
export function convertConfig(bytes: Uint8Array): object {
  const { width, mlpWidth, layers, heads, keyValueHeads, vocabularySize, context } = readConfig(bytes);
  return {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    hidden_size: width,
    intermediate_size: mlpWidth,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    num_key_value_heads: keyValueHeads,
    head_dim: width / heads,
    vocab_size: vocabularySize,
    max_position_embeddings: context,
    rms_norm_eps: 1e-5,
    rope_theta: 10000,
    rope_scaling: null,
    hidden_act: 'silu',
    attention_bias: false,
    mlp_bias: false,
    attention_dropout: 0,
    initializer_range: 0.02,
    tie_word_embeddings: true,
    bos_token_id: 1,
    eos_token_id: 2,
    torch_dtype: 'float32',
    use_cache: true,
  };
}
