export {
  type CorpusConfig,
  type CorpusOptions,
  corpusConfigSchema,
  parseCorpusConfig,
} from './corpus/config.js';
export { documentsOf } from './corpus/documents.js';
export type { CorpusReport } from './corpus/load.js';
export { type PackedRows, packDocuments } from './corpus/pack.js';
export { CorpusTask } from './corpus/task.js';
export { type DataFiles, dataFilesSchema } from './data-files.js';
export { findPublishedDataSet, publishedDataSets, readableFiles } from './data-sets/catalog.js';
export type {
  DataSetCut,
  Derivation,
  DerivedFile,
  PublishedDataSet,
  PublishedFile,
  PublishedFormat,
} from './data-sets/published.js';
export { DataError, DataFileError, TaskConfigError, TaskUsageError, TokenizerError } from './errors.js';
export {
  type ImageTokensConfig,
  type ImageTokensOptions,
  imageTokensConfigSchema,
  parseImageTokensConfig,
} from './image-tokens/config.js';
export { checkImageTokens, type ImageTokens, selectImages } from './image-tokens/image-tokens.js';
export { type ImageTokenSources, ImageTokenTask } from './image-tokens/task.js';
export { type ImageConfig, type ImageOptions, imageConfigSchema, parseImageConfig } from './images/config.js';
export { type ImageDataSet, type ImageDataSetName, imageDataSets } from './images/data-sets.js';
export type { ImageBatch } from './images/image-batch.js';
export type { ImageSet, ImageShape } from './images/image-set.js';
export { type ImageSources, ImageTask } from './images/task.js';
export { finalNumber, markedNumber, normalizeNumber } from './metrics/final-number.js';
export { frechetDistance } from './metrics/frechet.js';
export type { FeatureSet } from './metrics/gaussian.js';
export {
  type BootstrapOptions,
  bootstrapInterval,
  type MeanInterval,
  normalInterval,
} from './metrics/intervals.js';
export { optionLetter } from './metrics/option-letter.js';
export { porterStem } from './metrics/porter-stemmer.js';
export { type PrecisionRecall, precisionRecall } from './metrics/precision-recall.js';
export {
  ROUGE_TYPES,
  type RougeOptions,
  type RougeScore,
  type RougeType,
  rouge,
  rougeOfSeveral,
  type SeveralReferencesOptions,
} from './metrics/rouge.js';
export { type AnswerScorer, answerScorers, SCORER_NAMES, type ScorerName } from './metrics/scorers.js';
export { wilsonInterval } from './metrics/wilson.js';
export { keyedHash } from './random/keyed-hash.js';
export { philox4x32 } from './random/philox.js';
export { PhiloxRandom, type PhiloxRandomState, type StreamAddress } from './random/philox-random.js';
export type { SequenceBatch } from './sequence-batch.js';
export type { SequenceTask } from './sequence-task.js';
export {
  edgeCount,
  nodeCount,
  parseStarGraphConfig,
  type StarGraphConfig,
  type StarGraphOptions,
  starGraphConfigSchema,
} from './star-graph/config.js';
export type { DrawnNode, StarGraphDrawing } from './star-graph/drawing.js';
export {
  canonicalForm,
  countStarGraphs,
  type Edge,
  edgesOf,
  type StarGraph,
  type StarGraphExample,
  sampleQuestion,
  sampleStarGraph,
} from './star-graph/graph.js';
export {
  type StarGraphLayout,
  type StarGraphVocabulary,
  starGraphLayout,
  starGraphTokenText,
  starGraphVocabulary,
} from './star-graph/layout.js';
export { exactMatch, firstHop, firstHopPlace, starGraphChance } from './star-graph/metrics.js';
export { starGraphSettings } from './star-graph/settings.js';
export { splitOf } from './star-graph/split.js';
export { StarGraphTask } from './star-graph/task.js';
export { type Metric, type QuestionSet, type Score, SPLITS, type Split, type Task } from './task.js';
export { type EncodedPair, encodePair } from './text/border.js';
export { parseTextConfig, type TextConfig, type TextOptions, textConfigSchema } from './text/config.js';
export type { SplitReport, TextExample } from './text/examples.js';
export { parseJsonLines } from './text/json-lines.js';
export { type DocumentText, LongText, utf8Length } from './text/long-text.js';
export { TEXT_PRESET_NAMES, type TextPreset, type TextPresetName, textPresets } from './text/presets.js';
export { columnText, type TextRecord } from './text/record.js';
export type { TextSources } from './text/sources.js';
export { TextTask } from './text/task.js';
export { fillPattern, parseTemplate, type TextTemplate } from './text/template.js';
export type { Decode, TokenStream } from './text/token-stream.js';
export {
  checkTokenizerFits,
  type DecodeOptions,
  type EncodeOptions,
  TextTokenizer,
} from './text/tokenizer.js';
export type { TokenizerFiles } from './text/tokenizer-files.js';
export { TrainedTokenizer, tokenizerToTrain } from './text/trained-tokenizer.js';
export { WrittenNumber } from './text/written-number.js';
export {
  DEFAULT_VOCABULARY_SIZE,
  TOKENIZER_KINDS,
  type TokenizerKind,
  TokenizerTrainer,
  type TrainTokenizerOptions,
  trainTokenizer,
} from './tokenizer-training/train.js';
export { typedSeparator, typedText } from './typed-text.js';
