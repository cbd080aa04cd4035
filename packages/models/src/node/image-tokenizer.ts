import { join } from 'node:path';
import { readJsonFile } from '@foretoken/input/node';
import {
  ConfigError,
  SafetensorsError,
  type StateDict,
  StateDictError,
  safetensorsPieces,
} from '@foretoken/nn';
import type { Device } from '@foretoken/tensor';
import { CheckpointError } from '../checkpoint/errors.js';
import { CONFIG_FILE, WEIGHTS_FILE } from '../checkpoint/layout.js';
import { type ImageTokenizerConfig, imageTokenizerConfig } from '../image-tokens/config.js';
import type { ImageTokenizer } from '../image-tokens/image-tokenizer.js';
import { PatchCodebook } from '../image-tokens/patch-codebook.js';
import { VqAutoencoder } from '../image-tokens/vq-autoencoder.js';
import { reading, writing } from './file-error.js';
import { JSON_LIMITS } from './json-limits.js';
import { readSafetensorsFile } from './safetensors-file.js';
import { Staging, toJson, writePieces, writeWhole } from './staging.js';

function create(device: Device, config: ImageTokenizerConfig): ImageTokenizer {
  if (config.kind === 'patch-codebook') return new PatchCodebook(device, settingsOf(config));
  return new VqAutoencoder(device, settingsOf(config));
}

function settingsOf<Config extends ImageTokenizerConfig>({
  kind: _,
  ...settings
}: Config): Omit<Config, 'kind'> {
  return settings;
}

/**
 * Writes an image tokenizer to a folder: `config.json` and `model.safetensors`.
 *
 * @throws CheckpointError in one line, where the system refuses
 */
export async function saveImageTokenizer(tokenizer: ImageTokenizer, folder: string): Promise<void> {
  const weights = safetensorsPieces(await tokenizer.stateDict());
  await writing(folder, async () => {
    const staging = await Staging.begin(folder);
    try {
      await staging.write(WEIGHTS_FILE, writePieces(weights));
      await staging.write(CONFIG_FILE, writeWhole(toJson(tokenizer.config)));
      await staging.commit();
    } catch (error) {
      await staging.discard();
      throw error;
    }
  });
}

/**
 * Reads an image tokenizer that `saveImageTokenizer` wrote.
 *
 * @throws CheckpointError naming the file that is missing, malformed or does not fit
 */
export async function loadImageTokenizer(device: Device, folder: string): Promise<ImageTokenizer> {
  const configPath = join(folder, CONFIG_FILE);
  const weightsPath = join(folder, WEIGHTS_FILE);
  const config = naming(configPath, readJsonFile(configPath, JSON_LIMITS), imageTokenizerConfig);
  const { tensors } = await reading(weightsPath, async () =>
    naming(weightsPath, weightsPath, readSafetensorsFile),
  );
  checkSize(weightsPath, config, tensors);
  const tokenizer = create(device, config);
  try {
    naming(weightsPath, tensors, (state) => tokenizer.loadStateDict(state));
    return tokenizer;
  } catch (error) {
    tokenizer.dispose();
    throw error;
  }
}

/** Values that cost no memory worth a word. */
const SMALL = 2 ** 16;

/** Values of the weights of a tokenizer, at least: of the largest of them. */
function leastValues(config: ImageTokenizerConfig): number {
  const { image, patch, codes } = config;
  const pixels = image.channels * patch * patch;
  if (config.kind === 'patch-codebook') return codes * pixels;
  const { width, layers, codeWidth } = config;
  const cells = (image.height / patch) * (image.width / patch);
  return codes * codeWidth + 2 * width * (pixels + cells + 12 * layers * width);
}

/** @throws CheckpointError where a config asks for more memory than the weights have values for */
function checkSize(path: string, config: ImageTokenizerConfig, tensors: StateDict): void {
  const held = [...tensors.values()].reduce((sum, { data }) => sum + data.length, 0);
  const needed = leastValues(config);
  // Smaller differences are told tensor by tensor.
  if (needed <= 2 * held + SMALL) return;
  throw new CheckpointError(
    `${path}: ${CONFIG_FILE} describes a tokenizer with at least ${needed} values, the weights have ${held}.`,
  );
}

/** Runs what reads the contents of a file; a mistake in them names the file. */
function naming<Contents, Result>(
  path: string,
  contents: Contents,
  read: (contents: Contents) => Result,
): Result {
  try {
    return read(contents);
  } catch (cause) {
    const isKnown =
      cause instanceof ConfigError || cause instanceof SafetensorsError || cause instanceof StateDictError;
    if (!isKnown) throw cause;
    throw new CheckpointError(`${path}: ${cause.message.replace(/\s+/g, ' ')}`, { cause });
  }
}
