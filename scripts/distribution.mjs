// Which software Vulkan driver a Linux distribution offers, and how it is installed.

/** Fields of /etc/os-release. */
export function parseOsRelease(text) {
  const fields = {};
  for (const line of text.split('\n')) {
    const match = /^([A-Z_]+)=(.*)$/.exec(line);
    if (match) fields[match[1]] = match[2].replace(/^"(.*)"$/, '$1');
  }
  return fields;
}

/**
 * The commands that install a driver, for the distribution of these os-release fields.
 * `backports` names the release whose own driver (Mesa 22.3) gives Dawn no adapter.
 */
export function driverPackages({ ID = '', ID_LIKE = '', VERSION_ID = '', VERSION_CODENAME = '' }) {
  const family = [ID, ...ID_LIKE.split(/\s+/)];
  if (ID === 'debian' && VERSION_ID === '12') {
    return {
      manager: 'apt',
      packages: ['mesa-vulkan-drivers', 'libvulkan1'],
      backports: VERSION_CODENAME || 'bookworm',
    };
  }
  if (family.includes('debian') || family.includes('ubuntu')) {
    return { manager: 'apt', packages: ['mesa-vulkan-drivers', 'libvulkan1'] };
  }
  if (family.includes('fedora') || family.includes('rhel')) {
    return { manager: 'manual', command: 'dnf install mesa-vulkan-drivers vulkan-loader' };
  }
  if (family.includes('arch'))
    return { manager: 'manual', command: 'pacman -S vulkan-swrast vulkan-icd-loader' };
  if (family.includes('alpine')) {
    return { manager: 'manual', command: 'apk add mesa-vulkan-swrast vulkan-loader gcompat' };
  }
  if (family.some((name) => name.includes('suse'))) {
    return { manager: 'manual', command: 'zypper install libvulkan_lvp libvulkan1' };
  }
  return undefined;
}

/** The command a person would type. */
export function commandFor(driver) {
  if (driver === undefined)
    return "install Mesa's software Vulkan driver (lavapipe, Mesa 23 or newer) and the Vulkan loader";
  if (driver.manager === 'manual') return driver.command;
  const target = driver.backports ? `-t ${driver.backports}-backports ` : '';
  return `apt-get update && apt-get install -y ${target}${driver.packages.join(' ')}`;
}
