import { describe, expect, it } from 'vitest';
import { backportsEntry, hasBackports, parseDeb822, parseOneLine } from '../debian-sources.mjs';
import { installation, parseOsRelease } from '../distribution.mjs';

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
  const release = (text) => installation(parseOsRelease(text), parseDeb822(DEB822));

  it('takes backports on Debian 12, whose source is written first', () => {
    const { apt, command } = release('ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm');
    expect(apt.install).toEqual(['-t', 'bookworm-backports', 'mesa-vulkan-drivers', 'libvulkan1']);
    expect(apt.source.entry).toContain('URIs: http://mirror.example/debian\nSuites: bookworm-backports');
    expect(command).toContain('apt-get install -y -t bookworm-backports mesa-vulkan-drivers libvulkan1');
  });

  it('does not touch the sources when they have backports', () => {
    const sources = parseOneLine(
      'deb http://m.example bookworm main\ndeb http://m.example bookworm-backports main',
    );
    expect(installation(parseOsRelease('ID=debian\nVERSION_ID=12'), sources).apt).toEqual({
      install: ['-t', 'bookworm-backports', 'mesa-vulkan-drivers', 'libvulkan1'],
    });
  });

  it('takes the plain package on newer Debian and on Ubuntu', () => {
    for (const text of ['ID=debian\nVERSION_ID="13"', 'ID=ubuntu', 'ID=linuxmint\nID_LIKE="ubuntu debian"']) {
      expect(release(text).apt).toEqual({ install: ['mesa-vulkan-drivers', 'libvulkan1'] });
    }
  });

  it('names the command of other distributions, and runs none', () => {
    const command = (text) => {
      const found = release(text);
      expect(found.apt).toBeUndefined();
      return found.command;
    };
    expect(command('ID=fedora')).toContain('dnf install mesa-vulkan-drivers');
    expect(command('ID=arch')).toContain('vulkan-swrast');
    expect(command('ID=alpine')).toContain('mesa-vulkan-swrast');
    expect(command('ID=opensuse-leap')).toContain('zypper');
    expect(command('ID=plan9')).toContain('lavapipe');
  });
});
