// T tokens of a pass, M tokens that drafts follow, K heads, D width.
import type { Block, Drafter } from '@foretoken/models';
import { concat, stack } from '@foretoken/tensor';

/**
 * Drafts with the heads of multi-token prediction: head k reads the last states of the model and guesses the token k
 * places ahead, from k = 2 on. Each head keeps keys and values as the blocks of the model do.
 */
export function headDrafter(heads: readonly Block[]): Drafter {
  const draftCount = heads.length;
  return {
    name: 'heads',
    draftCount,
    cacheLayers: draftCount,
    addedPlaces: () => 0,
    propose: ({ places, wanted, residual, blockInputs }) => {
      const states = residual();
      const [, , width] = states.shape as [number, number, number];
      const first = (places.shape[1] as number) - wanted;
      const guesses = heads.map((head, at) => head.forward(states, blockInputs(at)).slice(1, first));
      const drafts = stack(guesses, 2).reshape([1, wanted * draftCount, width]);
      return concat([states.slice(1, first), drafts], 1);
    },
  };
}
