export { ForetokenError, InputError, type InputErrorClass } from './errors.js';
export { isJsonObject, type JsonLimits, parseJson } from './json.js';
export { didYouMean, nearestName } from './nearest-name.js';
export { type NumberRange, parseNumber, parseWholeNumber } from './numbers.js';
export { oneLine, printable, quote, shorten } from './quote.js';
export { type TimeLimit, withTimeLimit } from './time-limit.js';
