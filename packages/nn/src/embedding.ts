import { type Device, embedding, type HostRandom, type Tensor, type Variable } from '@foretoken/tensor';
import { checkCount } from './errors.js';
import { type Initializer, normal } from './initializers.js';
import { Module } from './module.js';
import { parameter } from './parameter.js';

export interface EmbeddingConfig {
  /** Number of rows: ids run from 0 to `count - 1`. */
  readonly count: number;
  readonly width: number;
  /** Default as torch.nn.Embedding: standard Gaussian. */
  readonly weightInit?: Initializer | undefined;
}

/** A table of vectors, looked up by id. */
export class Embedding extends Module {
  readonly weight: Variable;

  /** @param random - of the first values; all are 0 when it is absent, for tables that are loaded next */
  constructor(device: Device, { count, width, weightInit = normal() }: EmbeddingConfig, random?: HostRandom) {
    super();
    checkCount('Embedding', 'count', count);
    checkCount('Embedding', 'width', width);
    this.weight = parameter(device, { name: 'weight', shape: [count, width], init: weightInit }, random);
  }

  /** i32 `[...]` to `[..., width]`; id -1 gives zeros. */
  forward(ids: Tensor): Tensor {
    return embedding(this.weight, ids);
  }
}
