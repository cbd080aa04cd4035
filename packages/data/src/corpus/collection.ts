import { chooseHeldOut } from '../held-out.js';
import { type DocumentText, graphemeBorder, partOf } from '../text/long-text.js';
import type { TextTokenizer } from '../text/tokenizer.js';
import type { CorpusConfig } from './config.js';
import { EncodedDocuments } from './encoded-documents.js';

/** Some of a list of documents, in the order of the list. */
export interface ChosenDocuments {
  readonly documents: EncodedDocuments;
  /** Numbers of documents. */
  readonly chosen: ArrayLike<number>;
}

/** Shares of the documents that are held out; null for a split that has documents of its own. */
export interface HeldOutShares {
  readonly validation: number | null;
  readonly test: number | null;
  readonly seed: number;
}

export interface DividedDocuments {
  readonly train: ChosenDocuments;
  readonly validation: ChosenDocuments;
  readonly test: ChosenDocuments;
}

/** Characters of short documents that are encoded at a time. */
const BATCH = 2 ** 16;

const range = (count: number): Uint32Array => Uint32Array.from({ length: count }, (_, number) => number);

/** Documents that stay text until more come: of one alone, which the test may leave of two, the end is held out. */
const FEW = 2;

/** Documents as they are read, in tokens at once unless they are few. */
export class DocumentCollection {
  readonly #config: CorpusConfig;
  readonly #tokenizer: TextTokenizer;
  readonly #encoded: EncodedDocuments;
  #few: DocumentText[] = [];
  #waiting: string[] = [];
  #waitingLength = 0;
  #count = 0;

  constructor(config: CorpusConfig, tokenizer: TextTokenizer) {
    this.#config = config;
    this.#tokenizer = tokenizer;
    this.#encoded = new EncodedDocuments(config, tokenizer);
  }

  add(document: DocumentText): void {
    if (++this.#count <= FEW) {
      this.#few.push(document);
      return;
    }
    this.#encodeFew();
    this.#encode(document);
  }

  /** All documents. */
  all(): ChosenDocuments {
    this.#encodeFew();
    this.#encodeWaiting();
    return { documents: this.#encoded, chosen: range(this.#encoded.count) };
  }

  /**
   * Holds shares of the documents out, chosen by seed. Of a single document the end is held out, from the line end on
   * that is next to the share: validation before test.
   */
  divide({ validation, test, seed }: HeldOutShares): DividedDocuments {
    const testShare = test ?? 0;
    // A share of all documents, as it says, not of those that the test leaves.
    const validationShare = (validation ?? 0) / (1 - testShare);
    if (this.#few.length > 0) return this.#divideFew(validationShare, testShare, seed);
    const { documents, chosen } = this.all();
    const tested = holdOut(chosen, testShare, seed);
    const validated = holdOut(tested.kept, validationShare, seed);
    const pick = (numbers: ArrayLike<number>): ChosenDocuments => ({ documents, chosen: numbers });
    return { train: pick(validated.kept), validation: pick(validated.heldOut), test: pick(tested.heldOut) };
  }

  #divideFew(validationShare: number, testShare: number, seed: number): DividedDocuments {
    const tested = holdOutTexts(this.#few, testShare, seed);
    const validated = holdOutTexts(tested.kept, validationShare, seed);
    const encode = (texts: readonly DocumentText[]): ChosenDocuments => {
      const documents = new EncodedDocuments(this.#config, this.#tokenizer);
      for (const each of texts) documents.addLong(each);
      return { documents, chosen: range(texts.length) };
    };
    return {
      train: encode(validated.kept),
      validation: encode(validated.heldOut),
      test: encode(tested.heldOut),
    };
  }

  #encodeFew(): void {
    const few = this.#few;
    this.#few = [];
    for (const each of few) this.#encode(each);
  }

  #encode(document: DocumentText): void {
    if (typeof document !== 'string' || document.length > BATCH) {
      this.#encodeWaiting();
      this.#encoded.addLong(document);
      return;
    }
    this.#waiting.push(document);
    this.#waitingLength += document.length;
    if (this.#waitingLength > BATCH) this.#encodeWaiting();
  }

  #encodeWaiting(): void {
    this.#encoded.addAll(this.#waiting);
    this.#waiting = [];
    this.#waitingLength = 0;
  }
}

interface HeldOut<Documents> {
  readonly kept: Documents;
  readonly heldOut: Documents;
}

function holdOut(numbers: ArrayLike<number>, share: number, seed: number): HeldOut<Uint32Array> {
  const all = Uint32Array.from(numbers);
  const isChosen = chooseHeldOut(all.length, share, seed);
  return {
    kept: all.filter((_, at) => isChosen[at] === 0),
    heldOut: all.filter((_, at) => isChosen[at] === 1),
  };
}

/** Holds out whole texts, or the end of one that is alone. */
function holdOutTexts(
  texts: readonly DocumentText[],
  share: number,
  seed: number,
): HeldOut<readonly DocumentText[]> {
  const [only] = texts;
  if (texts.length === 1 && only !== undefined && share > 0) {
    const near = graphemeBorder(only, Math.floor(only.length * (1 - share)));
    const line = only.lastIndexOf('\n', near);
    const end = line > 0 ? line : near;
    const [kept, heldOut] = [partOf(only, 0, end).trim(), partOf(only, end, only.length).trim()];
    if (kept.length > 0 && heldOut.length > 0) return { kept: [kept], heldOut: [heldOut] };
  }
  const isChosen = chooseHeldOut(texts.length, share, seed);
  return {
    kept: texts.filter((_, at) => isChosen[at] === 0),
    heldOut: texts.filter((_, at) => isChosen[at] === 1),
  };
}
