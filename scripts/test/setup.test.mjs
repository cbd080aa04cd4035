import { describe, expect, it } from 'vitest';
import { backportsEntry, hasBackports, parseDeb822, parseOneLine } from '../debian-sources.mjs';
import { installation, parseOsRelease } from '../distribution.mjs';
import { describeChanges, packageChanges } from '../package-changes.mjs';

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

const BOOKWORM = 'ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm';

describe('Debian package sources', () => {
  it('derives backports from a deb822 file, with mirror, types and key', () => {
    expect(backportsEntry(parseDeb822(DEB822), 'bookworm')).toBe(
      'Types: deb\nURIs: http://mirror.example/debian\nSuites: bookworm-backports\nComponents: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n',
    );
    const withSources = DEB822.replace('Types: deb', 'Types: deb deb-src');
    expect(backportsEntry(parseDeb822(withSources), 'bookworm')).toContain('Types: deb deb-src\n');
  });

  it('keeps a key that is written into the file', () => {
    const key = '\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mDME\n -----END PGP PUBLIC KEY BLOCK-----';
    const text = `URIs: http://m.example/debian\nSuites: bookworm\nSigned-By:${key}\n`;
    expect(backportsEntry(parseDeb822(text), 'bookworm')).toContain(`Signed-By: ${key}\n`);
  });

  it('derives backports from a one-line file, with its options', () => {
    const entries = parseOneLine(
      [
        '# deb http://commented.example/debian bookworm main',
        'deb cdrom:[Debian_12]/ bookworm main',
        'deb-src http://sources.example/debian bookworm main',
        'deb [arch=amd64 Signed-By=/Keys/k=1.gpg trusted=yes] http://m.example/debian bookworm main',
      ].join('\n'),
    );
    expect(backportsEntry(entries, 'bookworm')).toBe(
      'Types: deb\nURIs: http://m.example/debian\nSuites: bookworm-backports\nComponents: main\nSigned-By: /Keys/k=1.gpg\nTrusted: yes\n',
    );
  });

  it('takes a release that is named by its rank, and no disabled or foreign entry', () => {
    expect(backportsEntry(parseOneLine('deb http://m.example/debian oldstable main'), 'bookworm')).toContain(
      'URIs: http://m.example/debian\nSuites: bookworm-backports',
    );
    expect(backportsEntry(parseDeb822(`Enabled: no\n${DEB822}`), 'bookworm')).toBeUndefined();
    expect(backportsEntry(parseDeb822(DEB822), 'trixie')).toBeUndefined();
  });

  it('sees backports that are there already', () => {
    expect(hasBackports(parseOneLine('deb http://m.example bookworm-backports main'), 'bookworm')).toBe(true);
    expect(hasBackports(parseOneLine('deb-src http://m.example bookworm-backports main'), 'bookworm')).toBe(
      false,
    );
    expect(hasBackports(parseDeb822(DEB822), 'bookworm')).toBe(false);
  });
});

describe('installation of a driver', () => {
  const plan = (release, entries = []) => installation(parseOsRelease(release), entries);
  const backports = ['-t', 'bookworm-backports', 'mesa-vulkan-drivers', 'libvulkan1'];

  it('adds backports on Debian 12 where they are missing', () => {
    const { command, apt } = plan(BOOKWORM, parseDeb822(DEB822));
    expect(apt.install).toEqual(backports);
    expect(apt.source.entry).toContain('Suites: bookworm-backports');
    expect(command).toContain('Suites: bookworm-backports');
    expect(command).toContain(
      `> ${apt.source.file} && apt-get update && apt-get install -y -t bookworm-backports`,
    );
  });

  it('uses backports that a Debian 12 has', () => {
    const { apt } = plan(BOOKWORM, parseOneLine('deb http://m.example bookworm-backports main'));
    expect(apt).toEqual({ install: backports });
  });

  it('only advises where Debian 12 has no source to derive from', () => {
    expect(plan(BOOKWORM).apt).toBeUndefined();
    expect(plan(BOOKWORM).command).toContain('bookworm-backports');
  });

  it('takes the plain package of newer Debian, Ubuntu and their relatives', () => {
    for (const release of [
      'ID=debian\nVERSION_ID="13"',
      'ID=ubuntu',
      'ID=linuxmint\nID_LIKE="ubuntu debian"',
      "ID='debian'",
    ]) {
      expect(plan(release).apt).toEqual({ install: ['mesa-vulkan-drivers', 'libvulkan1'] });
    }
  });

  it('names the command of other distributions and runs nothing', () => {
    const commands = {
      'ID=fedora': 'dnf install mesa-vulkan-drivers',
      'ID=rocky\nID_LIKE="rhel centos fedora"': 'dnf install mesa-vulkan-drivers',
      'ID=manjaro\nID_LIKE=arch': 'pacman -S vulkan-swrast',
      'ID=alpine': 'apk add mesa-vulkan-swrast',
      'ID="opensuse-tumbleweed"': 'zypper install libvulkan_lvp',
      'ID=plan9': 'lavapipe',
    };
    for (const [release, command] of Object.entries(commands)) {
      expect(plan(release).command).toContain(command);
      expect(plan(release).apt).toBeUndefined();
    }
  });
});

describe('what apt-get would change', () => {
  it('is told with versions, before it is done', () => {
    const simulation = `NOTE: This is only a simulation!
Reading package lists...
Inst libllvm15 (1:15.0.6-4+b1 Debian:12.15/oldstable [amd64])
Inst libdrm2 [2.4.114-1] (2.4.123-1~bpo12+1 Debian Backports:12/stable-backports [amd64]) []
Remv old-driver [1.0]
Conf libdrm2 (2.4.123-1~bpo12+1 Debian Backports:12/stable-backports [amd64])
`;
    expect(describeChanges(packageChanges(simulation))).toEqual([
      'installs 1: libllvm15 1:15.0.6-4+b1',
      'changes 1: libdrm2 2.4.114-1 -> 2.4.123-1~bpo12+1',
      'removes 1: old-driver',
    ]);
    expect(describeChanges(packageChanges('Reading package lists...'))).toEqual([]);
  });
});
