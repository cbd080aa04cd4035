// Reads the package sources of Debian in both of their formats, to derive the entry for backports.

/** Options that say how a mirror is trusted or fetched; its backports need the same. */
const KEPT_OPTIONS = ['signed-by', 'trusted', 'check-valid-until'];

const words = (text) => text.trim().split(/\s+/);

function keptOptions(fields) {
  return Object.fromEntries(KEPT_OPTIONS.filter((name) => fields[name]).map((name) => [name, fields[name]]));
}

/** The fields of one deb822 paragraph, names in lower case; continuation lines stay with their field. */
function deb822Fields(paragraph) {
  const fields = {};
  let last;
  for (const line of paragraph.split('\n')) {
    if (line.startsWith('#')) continue;
    const match = /^([A-Za-z-]+):\s*(.*)$/.exec(line);
    if (match) {
      last = match[1].toLowerCase();
      fields[last] = match[2].trim();
    } else if (last && /^\s+\S/.test(line)) fields[last] += `\n${line}`;
  }
  return fields;
}

/** Entries of a deb822 file (`*.sources`): paragraphs of `Key: value` lines. Disabled ones are left out. */
export function parseDeb822(text) {
  return text
    .split(/\n[ \t]*\n/)
    .map(deb822Fields)
    .filter((fields) => fields.uris && fields.suites && !/^(no|false|0)$/i.test(fields.enabled ?? 'yes'))
    .map((fields) => ({
      types: words(fields.types ?? 'deb'),
      uri: words(fields.uris)[0],
      suites: words(fields.suites),
      options: keptOptions(fields),
    }));
}

/** Entries of a one-line file (`sources.list`): `deb [options] uri suite components`. */
export function parseOneLine(text) {
  return text.split('\n').flatMap((line) => {
    const match = /^(deb|deb-src)\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)/.exec(line.trim());
    if (!match) return [];
    const [, type, options = '', uri, suite] = match;
    const fields = {};
    for (const option of words(options)) {
      const [name, ...value] = option.split('=');
      fields[name.toLowerCase()] = value.join('=');
    }
    return [{ types: [type], uri, suites: [suite], options: keptOptions(fields) }];
  });
}

const binary = ({ types, uri }) => types.includes('deb') && !uri.startsWith('cdrom:');
const TITLES = { 'signed-by': 'Signed-By', trusted: 'Trusted', 'check-valid-until': 'Check-Valid-Until' };

/** A deb822 entry for the backports of `release`, from the mirror that serves the release itself. */
export function backportsEntry(entries, release) {
  // A machine may name its release by its rank; only that release's own entry has it as the plain suite.
  const names = [release, 'stable', 'oldstable', 'oldoldstable'];
  const main = entries.find((entry) => binary(entry) && entry.suites.some((suite) => names.includes(suite)));
  if (!main) return undefined;
  const lines = [
    `Types: ${main.types.join(' ')}`,
    `URIs: ${main.uri}`,
    `Suites: ${release}-backports`,
    'Components: main',
    ...Object.entries(main.options).map(([name, value]) => `${TITLES[name]}: ${value}`),
  ];
  return `${lines.join('\n')}\n`;
}

export const hasBackports = (entries, release) =>
  entries.some((entry) => binary(entry) && entry.suites.includes(`${release}-backports`));
