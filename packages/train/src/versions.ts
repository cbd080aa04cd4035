import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const require = createRequire(import.meta.url);

/** The version in the nearest package.json above a file of this name. */
function versionAbove(file: string, name: string): string | undefined {
  for (let folder = dirname(file); folder !== dirname(folder); folder = dirname(folder)) {
    try {
      const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
        name?: string;
        version?: string;
      };
      if (manifest.name === name) return manifest.version;
    } catch {
      // No manifest here: look further up.
    }
  }
  return undefined;
}

/** Versions of what a result depends on, as they are installed. */
export function packageVersions(): Record<string, string> {
  const versions: Record<string, string> = { node: process.versions.node };
  const own = versionAbove(new URL(import.meta.url).pathname, '@foretoken/train');
  if (own !== undefined) versions['foretoken'] = own;
  for (const name of ['webgpu']) {
    try {
      // The engine depends on it, so it is resolved from there.
      const engine = createRequire(require.resolve('@foretoken/tensor'));
      const version = versionAbove(engine.resolve(name), name);
      if (version !== undefined) versions[name] = version;
    } catch {
      // Bundled, or a browser: there is no version to name.
    }
  }
  return versions;
}
