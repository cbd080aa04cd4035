// What a machine can check in the guides: links, tables, and that commands are called by a name that works.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { root } from '../run.mjs';

const guides = [
  'README.md',
  'CONTRIBUTING.md',
  ...readdirSync(join(root, 'docs'), { recursive: true })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
  ...readdirSync(join(root, 'packages')).map((name) => join('packages', name, 'README.md')),
  'benchmarks/README.md',
];
const read = (path) => readFileSync(join(root, path), 'utf8');
const withoutCode = (text) => text.replace(/^```.*?^```/gms, '');

/** Names of headings as links have them. */
const anchors = (text) =>
  [...withoutCode(text).matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    heading
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .trim()
      .replaceAll(' ', '-'),
  );

it.each(guides)('%s: links lead somewhere', (guide) => {
  const dead = [...withoutCode(read(guide)).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, link]) => link)
    .filter((link) => !/^https?:/.test(link))
    .filter((link) => {
      const [path, anchor] = link.split('#');
      const target = path === '' ? guide : join(dirname(guide), path);
      if (!existsSync(join(root, target))) return true;
      return anchor !== undefined && target.endsWith('.md') && !anchors(read(target)).includes(anchor);
    });
  expect(dead).toEqual([]);
});

it.each(guides.filter((guide) => guide.startsWith('packages')))(
  '%s: links to nothing that npm does not ship',
  (guide) => {
    expect([...read(guide).matchAll(/\]\((\.\.\/[^)]+)\)/g)].map(([, link]) => link)).toEqual([]);
  },
);

it.each(guides)('%s: rows of a table have one number of cells, below a head', (guide) => {
  const lines = withoutCode(read(guide)).split('\n');
  const cells = (line) => line.replace(/`[^`]*`/g, '').split(/(?<!\\)\|/).length;
  const wrong = lines.filter((line, index) => {
    if (!line.startsWith('|')) return false;
    const above = lines[index - 1] ?? '';
    if (above.startsWith('|')) return cells(line) !== cells(above);
    return !/^\|[\s:|-]+\|$/.test(lines[index + 1] ?? '');
  });
  expect(wrong).toEqual([]);
});

it.each(guides)('%s: commands are called by a name that is there after the set-up', (guide) => {
  const blocks = [...read(guide).matchAll(/^(?:```\w*\n(.*?)^```|((?: {4}.*\n)+))/gms)];
  const bare = blocks
    .flatMap(([, fenced, indented]) => (fenced ?? indented).split('\n'))
    .filter((line) => /^\s*(?:\$ )?foretoken\b/.test(line));
  expect(bare).toEqual([]);
});
