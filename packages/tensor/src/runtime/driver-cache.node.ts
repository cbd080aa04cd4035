import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

const isYes = (value: string | undefined): boolean => /^(1|y|yes|true)$/i.test(value ?? '');

/**
 * Whether Mesa's drivers keep compiled shaders on disk, as far as its environment variables and the folder tell:
 * https://docs.mesa3d.org/envvars.html
 */
export function mesaKeepsShaders(environment: NodeJS.ProcessEnv = process.env): boolean {
  const { MESA_SHADER_CACHE_DISABLE, MESA_GLSL_CACHE_DISABLE } = environment;
  if (isYes(MESA_SHADER_CACHE_DISABLE ?? MESA_GLSL_CACHE_DISABLE)) return false;
  const folder =
    environment['MESA_SHADER_CACHE_DIR'] ??
    environment['MESA_GLSL_CACHE_DIR'] ??
    environment['XDG_CACHE_HOME'] ??
    join(environment['HOME'] ?? homedir(), '.cache');
  try {
    // It makes the folder, but not those above it.
    const there = existsSync(folder) ? folder : dirname(folder);
    accessSync(there, constants.W_OK);
    return statSync(there).isDirectory();
  } catch {
    return false;
  }
}
