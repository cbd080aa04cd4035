import { describe, expect, it } from 'vitest';
import { backportsEntry, hasBackports, parseDeb822, parseOneLine } from '../debian-sources.mjs';
import { commandFor, driverPackages, parseOsRelease } from '../distribution.mjs';

const DEB822 = `Types: deb
# the release
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://security.example/debian-security
Suites: bookworm-security
Components: main
`;

describe('Debian package sources', () => {
  it('derives backports from a deb822 file, with mirror and key', () => {
    expect(backportsEntry(parseDeb822(DEB822), 'bookworm')).toBe(
      'Types: deb\nURIs: http://mirror.example/debian\nSuites: bookworm-backports\nComponents: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n',
    );
  });

  it('derives backports from a one-line file', () => {
    const entries = parseOneLine(
      '# deb http://no.example x main\ndeb [arch=amd64 signed-by=/k.gpg] http://m.example/debian bookworm main\n',
    );
    expect(entries).toHaveLength(1);
    expect(backportsEntry(entries, 'bookworm')).toContain(
      'URIs: http://m.example/debian\nSuites: bookworm-backports',
    );
    expect(backportsEntry(entries, 'bookworm')).toContain('Signed-By: /k.gpg');
  });

  it('sees backports that are there already, and misses what is not', () => {
    expect(hasBackports(parseOneLine('deb http://m.example bookworm-backports main'), 'bookworm')).toBe(true);
    expect(hasBackports(parseDeb822(DEB822), 'bookworm')).toBe(false);
    expect(backportsEntry(parseDeb822(DEB822), 'trixie')).toBeUndefined();
  });
});

describe('drivers', () => {
  const command = (text) => commandFor(driverPackages(parseOsRelease(text)));

  it('takes backports on Debian 12 only', () => {
    expect(command('ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm')).toBe(
      'apt-get update && apt-get install -y -t bookworm-backports mesa-vulkan-drivers libvulkan1',
    );
    expect(command('ID=debian\nVERSION_ID="13"')).toBe(
      'apt-get update && apt-get install -y mesa-vulkan-drivers libvulkan1',
    );
    expect(command('ID=linuxmint\nID_LIKE="ubuntu debian"')).toContain('install -y mesa-vulkan-drivers');
  });

  it('names the package of other distributions', () => {
    expect(command('ID=fedora')).toContain('dnf install mesa-vulkan-drivers');
    expect(command('ID=arch')).toContain('vulkan-swrast');
    expect(command('ID=alpine')).toContain('mesa-vulkan-swrast');
    expect(command('ID=plan9')).toContain('lavapipe');
  });
});
