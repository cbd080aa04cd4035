export { dataFolder, findData, findModelData, howToGetData } from './data-folder.js';
export { isFolder } from './files.js';
export { type LoadTaskOptions, loadCorpusTask, loadTask, loadTextTask } from './load-task.js';
export { loadTokenizer } from './load-tokenizer.js';
export { type ReadDocument, readDocuments } from './read-documents.js';
export {
  findImageDataSet,
  findImageFolder,
  imageFiles,
  type LoadedImages,
  loadImages,
  loadImageTask,
} from './read-images.js';
export { type ReadOptions, readRecords } from './read-records.js';
export { saveTokenizer } from './save-tokenizer.js';
