export { reasonOf } from './file-reasons.js';
export { type FileLimits, readBytesFile, readJsonFile, readTextFile } from './read-file.js';
