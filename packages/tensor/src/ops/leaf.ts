import type { Operation } from '../operation.js';

/** A node that was not computed: host values, a variable, the input of a compiled step. */
export const leaf: Operation = {
  name: 'leaf',
  infer() {
    throw new Error('internal: a leaf states its own shape.');
  },
  gradient: 'nonDifferentiable',
  lowering: { kind: 'leaf' },
};
