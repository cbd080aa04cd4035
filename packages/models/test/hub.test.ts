import { execFile, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { CheckpointError } from '../src/index.js';
import { type HubOptions, loadPretrained, pretrainedFolder } from '../src/node/index.js';
import { newMark } from '../src/node/process-mark.js';
import { useDevice } from './support/device.js';
import { copyFixture, fixtureFolder, useFolders } from './support/folders.js';
import { HubServer } from './support/hub-server.js';

const gpu = useDevice();
const newFolder = useFolders();
let server: HubServer;

beforeAll(async () => {
  const plain = copyFixture('mistral', newFolder());
  writeFileSync(join(plain, 'tokenizer.json'), '{}');
  const single = ['config.json', 'model.safetensors'];
  const shards = [1, 2, 3].map((shard) => `model-0000${shard}-of-00003.safetensors`);
  server = new HubServer({
    'lab/plain': { folder: plain, files: [...single, 'tokenizer.json', 'README.md', 'pytorch_model.bin'] },
    'lab/sharded': {
      folder: fixtureFolder('qwen2'),
      files: ['config.json', 'model.safetensors.index.json', ...shards],
    },
    'lab/gated': { folder: fixtureFolder('llama3'), files: single, token: 'hf_secret' },
    'lab/bare': { folder: plain, files: ['config.json', 'pytorch_model.bin'] },
  });
  await server.listen();
});
afterEach(() => {
  server.requests.length = 0;
  server.ranges.length = 0;
  server.status = undefined;
  server.together = 1;
});
afterAll(() => server.close());

const options = (more: HubOptions = {}): HubOptions => ({
  hubUrl: server.url,
  cacheFolder: newFolder(),
  offline: false,
  ...more,
});

const packageFolder = fileURLToPath(new URL('..', import.meta.url));
/** Other processes run what was built. */
const isBuilt = existsSync(join(packageFolder, 'dist', 'node.js'));

/** The folder of a model as a process of its own fetches it, which knows the hub from its environment. */
async function fetchInProcess(name: string, cacheFolder: string): Promise<string> {
  const script = `import { pretrainedFolder } from '@foretoken/models/node';
process.stdout.write(await pretrainedFolder(${JSON.stringify(name)}));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
    cwd: packageFolder,
    env: {
      ...process.env,
      HF_ENDPOINT: server.url,
      HF_HUB_CACHE: cacheFolder,
      HF_HUB_OFFLINE: '0',
      HF_TOKEN: '',
    },
  });
  return stdout;
}

async function messageOf(name: string, hub: HubOptions): Promise<string> {
  const error = await pretrainedFolder(name, hub).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(CheckpointError);
  expect((error as Error).message).not.toContain('\n');
  return (error as Error).message.replaceAll(server.url, 'HUB');
}

describe('a model of the hub', () => {
  it('loads by its name, from the files that it needs and no others', async () => {
    const { model, origin } = await loadPretrained(gpu.device, 'lab/plain', { hub: options() });
    expect(model.config.slidingWindow?.size).toBe(5);
    expect(readdirSync(origin.folder).sort()).toEqual(['config.json', 'model.safetensors', 'tokenizer.json']);
    expect(server.requests.filter((request) => /README|pytorch_model/.test(request))).toEqual([]);
    model.dispose();
  });

  it('loads from shards', async () => {
    const { model } = await loadPretrained(gpu.device, 'lab/sharded', { hub: options() });
    expect(model.config.layers).toBe(3);
    model.dispose();
  });

  it('is fetched once, and needs no network after', async () => {
    const hub = options();
    const first = await pretrainedFolder('lab/plain', hub);
    server.ranges.length = 0;
    expect(await pretrainedFolder('lab/plain', hub)).toBe(first);
    expect(server.ranges).toEqual([]);
    server.requests.length = 0;
    expect(await pretrainedFolder('lab/plain', { ...hub, offline: true })).toBe(first);
    expect(server.requests).toEqual([]);
    // Nobody listens there.
    expect(await pretrainedFolder('lab/plain', { ...hub, hubUrl: 'http://127.0.0.1:9' })).toBe(first);
    server.status = 503;
    expect(await pretrainedFolder('lab/plain', hub)).toBe(first);
  });

  it('of a commit that is in the cache needs no question', async () => {
    const hub = options({ revision: 'c0ffee'.padEnd(40, '0') });
    const folder = await pretrainedFolder('lab/plain', hub);
    server.requests.length = 0;
    expect(await pretrainedFolder('lab/plain', hub)).toBe(folder);
    expect(server.requests).toEqual([]);
  });

  it('lies where other tools look for it', async () => {
    const hub = options();
    const folder = await pretrainedFolder('lab/plain', hub);
    const own = join(hub.cacheFolder ?? '', 'models--lab--plain');
    const commit = readFileSync(join(own, 'refs', 'main'), 'utf8');
    expect(folder).toBe(join(own, 'snapshots', commit));
    expect(readdirSync(join(own, 'blobs'))).toHaveLength(3);
  });

  it('goes on where a download broke off', async () => {
    const hub = options();
    const seen: number[] = [];
    server.breakAfter = 10_000;
    const onProgress = ({ file, fetchedBytes }: { file: string; fetchedBytes: number }): void => {
      if (file === 'model.safetensors') seen.push(fetchedBytes);
    };
    const folder = await pretrainedFolder('lab/plain', { ...hub, onProgress });
    const whole = readFileSync(join(fixtureFolder('mistral'), 'model.safetensors'));
    expect(readFileSync(join(folder, 'model.safetensors')).equals(whole)).toBe(true);
    expect(server.ranges).toContain(`model.safetensors 10000-${whole.length - 1}`);
    expect(seen.at(-1)).toBe(whole.length);
  });

  it('goes on in another process too', async () => {
    const hub = options();
    const folder = await pretrainedFolder('lab/plain', hub);
    const whole = readFileSync(join(folder, 'model.safetensors'));
    // As a process that ended early leaves it: the start of the weights.
    const blobs = join(hub.cacheFolder ?? '', 'models--lab--plain', 'blobs');
    const etag = readdirSync(blobs).find((name) => name.length === 64) ?? '';
    rmSync(join(blobs, etag));
    writeFileSync(join(blobs, `${etag}.left.incomplete`), whole.subarray(0, 7000));
    // Another program's, which may be at work.
    writeFileSync(join(blobs, `${etag}.incomplete`), 'not ours');
    server.ranges.length = 0;
    expect(await pretrainedFolder('lab/plain', hub)).toBe(folder);
    expect(readFileSync(join(folder, 'model.safetensors')).equals(whole)).toBe(true);
    expect(server.ranges).toContain(`model.safetensors 7000-${whole.length - 1}`);
    expect(readdirSync(blobs).filter((name) => name.includes('incomplete'))).toEqual([`${etag}.incomplete`]);
  });

  it('takes over what a process left that was killed, and nothing of one that runs', async () => {
    const hub = options();
    const folder = await pretrainedFolder('lab/plain', hub);
    const whole = readFileSync(join(folder, 'model.safetensors'));
    const blobs = join(hub.cacheFolder ?? '', 'models--lab--plain', 'blobs');
    const etag = readdirSync(blobs).find((name) => name.length === 64) ?? '';
    rmSync(join(blobs, etag));
    const host = newMark().split('-')[0];
    const ended = spawnSync(process.execPath, ['-e', '']).pid;
    writeFileSync(join(blobs, `${etag}.${host}-${ended}-0.incomplete`), whole.subarray(0, 7000));
    const running = join(blobs, `${etag}.${host}-${process.ppid}-0.incomplete`);
    writeFileSync(running, whole.subarray(0, 9000));
    server.ranges.length = 0;
    await pretrainedFolder('lab/plain', hub);
    expect(readFileSync(join(folder, 'model.safetensors')).equals(whole)).toBe(true);
    expect(server.ranges).toContain(`model.safetensors 7000-${whole.length - 1}`);
    expect(readFileSync(running)).toHaveLength(9000);
  });

  it('is fetched by several at once, and broken by none', async () => {
    const hub = options();
    const whole = readFileSync(join(fixtureFolder('mistral'), 'model.safetensors'));
    const folders = await Promise.all([1, 2, 3, 4].map(() => pretrainedFolder('lab/plain', hub)));
    for (const folder of folders)
      expect(readFileSync(join(folder, 'model.safetensors')).equals(whole)).toBe(true);
    expect(readdirSync(join(hub.cacheFolder ?? '', 'models--lab--plain', 'blobs'))).toHaveLength(3);
    expect(readdirSync(folders[0] ?? '')).toHaveLength(3);
  });

  it.skipIf(!isBuilt)('is fetched by two processes at once, and broken by neither', async () => {
    const { cacheFolder = '' } = options();
    const whole = readFileSync(join(fixtureFolder('mistral'), 'model.safetensors'));
    // Neither gets the second half of the weights before the other has asked for them.
    server.together = 2;
    const [first, second] = await Promise.all([1, 2].map(() => fetchInProcess('lab/plain', cacheFolder)));
    expect(second).toBe(first);
    expect(server.ranges.filter((range) => range === `model.safetensors 0-${whole.length - 1}`)).toHaveLength(
      2,
    );
    expect(readFileSync(join(first ?? '', 'model.safetensors')).equals(whole)).toBe(true);
    const own = join(cacheFolder, 'models--lab--plain');
    expect(readdirSync(first ?? '').sort()).toEqual(['config.json', 'model.safetensors', 'tokenizer.json']);
    // By their hashes, and nothing that is called otherwise.
    const blobs = readdirSync(join(own, 'blobs'));
    expect(blobs.filter((name) => /^[0-9a-f]+$/.test(name))).toHaveLength(3);
    expect(blobs).toHaveLength(3);
    expect(readdirSync(join(own, 'refs'))).toEqual(['main']);
  });

  it('is fetched again where its start was of something else', async () => {
    const hub = options();
    const folder = await pretrainedFolder('lab/plain', hub);
    const whole = readFileSync(join(folder, 'model.safetensors'));
    const blobs = join(hub.cacheFolder ?? '', 'models--lab--plain', 'blobs');
    const etag = readdirSync(blobs).find((name) => name.length === 64) ?? '';
    rmSync(join(blobs, etag));
    writeFileSync(join(blobs, `${etag}.left.incomplete`), Buffer.alloc(7000, 1));
    await pretrainedFolder('lab/plain', hub);
    expect(readFileSync(join(folder, 'model.safetensors')).equals(whole)).toBe(true);
  });

  it('is opened by a token where it is gated', async () => {
    const folder = await pretrainedFolder('lab/gated', options({ token: 'hf_secret' }));
    expect(readdirSync(folder)).toContain('model.safetensors');
  });
});

describe('what goes wrong with the hub is said in one line', () => {
  it('gated', async () => {
    expect(await messageOf('lab/gated', options({ token: undefined }))).toMatch(
      /^lab\/gated on HUB is gated, private, or does not exist \(status 401: Access to model lab\/gated is restricted\..*\)\. Accept its terms on its page, and set HF_TOKEN or the option token\.$/,
    );
  });

  it('a token that the hub does not know', async () => {
    expect(await messageOf('lab/gated', options({ token: 'hf_other' }))).toMatch(
      /^lab\/gated on HUB is gated, private, or does not exist \(status 401: /,
    );
  });

  it('not there, and no such revision', async () => {
    expect(await messageOf('lab/none', options())).toMatch(
      /^HUB has no model lab\/none with revision main, and there is no such folder \(Repository not found\..*\)\.$/,
    );
    expect(await messageOf('lab/plain', options({ revision: 'v2' }))).toMatch(
      /^HUB has no model lab\/plain with revision v2/,
    );
  });

  it('no network', async () => {
    expect(await messageOf('lab/plain', options({ hubUrl: 'http://127.0.0.1:9' }))).toMatch(
      /^lab\/plain is not in the cache, and http:\/\/127\.0\.0\.1:9 cannot be reached \(.*\)\. Check the network, or give a folder\.$/,
    );
  });

  it('offline, and not in the cache', async () => {
    const hub = options({ offline: true });
    expect(await messageOf('lab/plain', hub)).toBe(
      `lab/plain with revision main is not in the cache ${hub.cacheFolder}, and offline nothing is fetched.`,
    );
  });

  it('no checkpoint', async () => {
    expect(await messageOf('lab/bare', options())).toBe(
      'lab/bare on the hub has no model.safetensors or model.safetensors.index.json: it is no checkpoint in safetensors.',
    );
  });

  it('out of order', async () => {
    server.status = 500;
    expect(await messageOf('lab/plain', options())).toMatch(/^HUB answered status 500 for lab\/plain/);
  });
});
