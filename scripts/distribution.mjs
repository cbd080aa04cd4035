// Which software Vulkan driver a Linux distribution offers, and how it is installed.
import { backportsEntry, hasBackports } from './debian-sources.mjs';

const APT_PACKAGES = ['mesa-vulkan-drivers', 'libvulkan1'];
const BACKPORTS_FILE = '/etc/apt/sources.list.d/foretoken-backports.sources';

/** What other package managers are asked for, by the family in os-release; a person runs these. */
const OTHER_COMMANDS = [
  [['fedora', 'rhel', 'centos'], 'dnf install mesa-vulkan-drivers vulkan-loader'],
  [['arch'], 'pacman -S vulkan-swrast vulkan-icd-loader'],
  [['alpine'], 'apk add mesa-vulkan-swrast vulkan-loader'],
  [['suse', 'opensuse'], 'zypper install libvulkan_lvp libvulkan1'],
  [['void'], 'xbps-install mesa-vulkan-lavapipe vulkan-loader'],
];

/** Fields of /etc/os-release. */
export function parseOsRelease(text) {
  const fields = {};
  for (const line of text.split('\n')) {
    const match = /^([A-Z_]+)=(.*)$/.exec(line.trim());
    if (match) fields[match[1]] = match[2].replace(/^(["'])(.*)\1$/, '$2');
  }
  return fields;
}

/** True for Debian 12 and its relatives, whose own driver (Mesa 22.3) gives Dawn no adapter. */
const needsBackports = ({ ID, VERSION_ID, VERSION_CODENAME, DEBIAN_CODENAME }) =>
  (ID === 'debian' && VERSION_ID === '12') ||
  VERSION_CODENAME === 'bookworm' ||
  DEBIAN_CODENAME === 'bookworm';

/**
 * How this distribution gets a software Vulkan driver.
 *
 * @param release fields of os-release
 * @param entries the machine's package sources, of `parseDeb822` and `parseOneLine`
 * @returns `command`, what a person types as root; `apt`, the same as the set-up runs it, where it may:
 *   a sources file to write first (or none) and the arguments of `apt-get install`
 */
export function installation(release, entries) {
  const family = [release.ID ?? '', ...(release.ID_LIKE ?? '').split(/\s+/)].map(
    (name) => name.split('-')[0],
  );
  if (family.includes('debian') || family.includes('ubuntu')) return aptInstallation(release, entries);
  const command = OTHER_COMMANDS.find(([names]) => names.some((name) => family.includes(name)))?.[1];
  return {
    command:
      command ?? "install Mesa's software Vulkan driver (lavapipe, Mesa 23 or newer) and the Vulkan loader",
  };
}

function aptInstallation(release, entries) {
  const plain = `apt-get update && apt-get install -y ${APT_PACKAGES.join(' ')}`;
  if (!needsBackports(release)) return { command: plain, apt: { install: APT_PACKAGES } };
  const install = ['-t', 'bookworm-backports', ...APT_PACKAGES];
  const command = `apt-get update && apt-get install -y ${install.join(' ')}`;
  if (hasBackports(entries, 'bookworm')) return { command, apt: { install } };
  const entry = backportsEntry(entries, 'bookworm');
  if (!entry) return { command: `add bookworm-backports to the sources in /etc/apt, then ${command}` };
  const text = entry.trim().replaceAll('\n', '\\n');
  return {
    command: `printf '${text}\\n' > ${BACKPORTS_FILE} && ${command}`,
    apt: { source: { file: BACKPORTS_FILE, entry }, install },
  };
}
