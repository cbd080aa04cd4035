// M tokens that drafts follow, K drafts behind each, D width.
import type { Drafter } from '@foretoken/models';
import type { Embedding } from '@foretoken/nn';
import type { Tensor } from '@foretoken/tensor';

export interface RegisterDrafting {
  /** Register vectors: one row, or one for each offset from `firstOffset` on. */
  readonly registers: Embedding;
  /** The offset of the first row, where there is a row for each. */
  readonly firstOffset: number;
  /** K: registers behind each token. */
  readonly draftCount: number;
}

/** Nearest target of a draft: the next token itself comes from the model. */
const NEAREST = 2;

/**
 * Drafts with registers as they were trained: K of them behind a token, with offsets 2 to K + 1. The one with offset d
 * behind the token at place t has position t + d - 1, sees the tokens up to t and itself, and guesses the token t + d.
 *
 * Which drafts will hold is not known before the pass, so that registers stand behind every token of it.
 */
export function registerDrafter({ registers, firstOffset, draftCount }: RegisterDrafting): Drafter {
  const rowsEach = registers.weight.shape[0] as number;
  return {
    name: 'registers',
    draftCount,
    cacheLayers: 0,
    addedPlaces: (wanted) => wanted * draftCount,
    propose: ({ places, wanted, residual }) => {
      const { device } = places;
      const time = places.shape[1] as number;
      /** i32 `[1, M K]` from what depends on the token `[M, 1]` and on the draft `[1, K]`. */
      const added = (ofToken: Tensor, ofDraft: Tensor): Tensor =>
        ofToken.add(ofDraft).reshape([1, wanted * draftCount]);
      const followed = places.slice(1, time - wanted).reshape([wanted, 1]);
      const drafts = device.arange(draftCount, 'i32').unsqueeze(0);
      const none = drafts.mul(0);
      const row = rowsEach === 1 ? none : drafts.add(NEAREST - firstOffset);
      const states = residual({
        embeddings: registers.forward(added(followed.mul(0), row)),
        order: added(followed, none),
        positions: added(followed, drafts.add(NEAREST - 1)),
      });
      return states.slice(1, time - wanted);
    },
  };
}
