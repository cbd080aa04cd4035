// Reads the package sources of Debian in both of their formats, to derive the line for backports.

/** Entries of a deb822 file (`*.sources`): paragraphs of `Key: value` lines. */
export function parseDeb822(text) {
  return text
    .split(/\n\s*\n/)
    .map((paragraph) => {
      const fields = {};
      let last;
      for (const line of paragraph.split('\n')) {
        if (line.startsWith('#')) continue;
        const match = /^([A-Za-z-]+):\s*(.*)$/.exec(line);
        if (match) {
          last = match[1].toLowerCase();
          fields[last] = match[2];
        } else if (last && /^\s+\S/.test(line)) fields[last] += `\n${line}`;
      }
      return fields;
    })
    .filter((fields) => fields.uris && fields.suites)
    .map((fields) => ({
      uri: fields.uris.trim().split(/\s+/)[0],
      suites: fields.suites.trim().split(/\s+/),
      signedBy: fields['signed-by'],
    }));
}

/** Entries of a one-line file (`sources.list`): `deb [options] uri suite components`. */
export function parseOneLine(text) {
  return text.split('\n').flatMap((line) => {
    const match = /^deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)/.exec(line.trim());
    if (!match) return [];
    const signedBy = /signed-by=(\S+)/.exec(match[1] ?? '')?.[1];
    return [{ uri: match[2], suites: [match[3]], signedBy }];
  });
}

/** A deb822 entry for the backports of `release`, from the mirror that serves the release itself. */
export function backportsEntry(entries, release) {
  const main = entries.find(({ suites }) => suites.includes(release));
  if (!main) return undefined;
  const lines = ['Types: deb', `URIs: ${main.uri}`, `Suites: ${release}-backports`, 'Components: main'];
  if (main.signedBy) lines.push(`Signed-By: ${main.signedBy}`);
  return `${lines.join('\n')}\n`;
}

export const hasBackports = (entries, release) => entries.some(({ suites }) => suites.includes(`${release}-backports`));
