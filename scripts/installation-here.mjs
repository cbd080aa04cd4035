// How the distribution of this machine gets a software Vulkan driver.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { parseDeb822, parseOneLine } from './debian-sources.mjs';
import { installation, parseOsRelease } from './distribution.mjs';

const read = (file) => (existsSync(file) ? readFileSync(file, 'utf8') : '');

function aptSources() {
  const folder = '/etc/apt/sources.list.d';
  const files = existsSync(folder) ? readdirSync(folder).map((name) => `${folder}/${name}`) : [];
  return [
    ...['/etc/apt/sources.list', ...files.filter((file) => file.endsWith('.list'))].flatMap((file) =>
      parseOneLine(read(file)),
    ),
    ...files.filter((file) => file.endsWith('.sources')).flatMap((file) => parseDeb822(read(file))),
  ];
}

/** `installation` for this machine; undefined where it is no Linux. */
export const installationHere = () =>
  process.platform === 'linux'
    ? installation(parseOsRelease(read('/etc/os-release')), aptSources())
    : undefined;
