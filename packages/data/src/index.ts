export { DataError, TaskConfigError, TaskUsageError } from './errors.js';
export { keyedHash } from './random/keyed-hash.js';
export { philox4x32 } from './random/philox.js';
export { PhiloxRandom, type PhiloxRandomState, type StreamAddress } from './random/philox-random.js';
export type { SequenceBatch } from './sequence-batch.js';
export {
  type Metric,
  type QuestionSet,
  type Score,
  type SequenceTask,
  SPLITS,
  type Split,
} from './sequence-task.js';
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
