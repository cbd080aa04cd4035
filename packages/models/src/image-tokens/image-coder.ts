// N images, B of them at a time, C channels, P tokens of an image.
import { ConfigError } from '@foretoken/nn';
import type { Tensor } from '@foretoken/tensor';
import { tokenGrid } from './config.js';
import type { ImageTokenizer } from './image-tokenizer.js';

/** Images at a time. */
const BATCH = 256;

/** Encodes and decodes any number of images, in steps that are compiled once. Pixels are bytes, as files have them. */
export class ImageCoder {
  readonly #pixels: number;
  readonly #tokens: number;
  readonly #batch: number;
  readonly #encode;
  readonly #decode;

  constructor(
    readonly tokenizer: ImageTokenizer,
    batch = BATCH,
  ) {
    const { device, config } = tokenizer;
    const { channels, height, width } = config.image;
    const grid = tokenGrid(config);
    this.#pixels = channels * height * width;
    this.#tokens = grid.height * grid.width;
    this.#batch = batch;
    this.#encode = device.compile(
      ({ pixels }: { pixels: Tensor }) => ({
        tokens: tokenizer.encode(pixels.reshape([batch, channels, height, width])),
      }),
      { name: 'encode images' },
    );
    this.#decode = device.compile(
      ({ tokens }: { tokens: Tensor }) => ({ pixels: tokenizer.decode(tokens).clamp(0, 1) }),
      { name: 'decode images' },
    );
  }

  /** Bytes `[N, C, height, width]` to codes `[N, P]`. @throws ConfigError for a part of an image */
  async encode(pixels: ArrayLike<number>): Promise<Int32Array> {
    const count = this.#countOf('pixels', pixels.length, this.#pixels);
    const tokens = new Int32Array(count * this.#tokens);
    for (let first = 0; first < count; first += this.#batch) {
      const part = new Float32Array(this.#batch * this.#pixels);
      const used = Math.min(this.#batch, count - first) * this.#pixels;
      for (let at = 0; at < used; at++) part[at] = (pixels[first * this.#pixels + at] as number) / 255;
      const found = this.#encode.run({ pixels: { data: part, shape: [this.#batch, this.#pixels] } });
      const codes = (await found.tokens.data()) as Int32Array;
      tokens.set(codes.subarray(0, (used / this.#pixels) * this.#tokens), first * this.#tokens);
    }
    return tokens;
  }

  /** Codes `[N, P]` to bytes `[N, C, height, width]`. @throws ConfigError for a part of an image */
  async decode(tokens: ArrayLike<number>): Promise<Uint8Array> {
    const count = this.#countOf('tokens', tokens.length, this.#tokens);
    const pixels = new Uint8Array(count * this.#pixels);
    for (let first = 0; first < count; first += this.#batch) {
      const part = new Int32Array(this.#batch * this.#tokens);
      const used = Math.min(this.#batch, count - first);
      for (let at = 0; at < used * this.#tokens; at++) part[at] = tokens[first * this.#tokens + at] as number;
      const found = this.#decode.run({ tokens: { data: part, shape: [this.#batch, this.#tokens] } });
      const values = await found.pixels.data();
      for (let at = 0; at < used * this.#pixels; at++) {
        pixels[first * this.#pixels + at] = Math.round((values[at] as number) * 255);
      }
    }
    return pixels;
  }

  #countOf(what: string, length: number, each: number): number {
    if (length % each === 0) return length / each;
    throw new ConfigError(`ImageCoder: ${length} ${what} are no whole number of images of ${each}.`);
  }

  dispose(): void {
    this.#encode.dispose();
    this.#decode.dispose();
  }
}
