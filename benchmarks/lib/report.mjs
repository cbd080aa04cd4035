// The Markdown of a comparison. `report` is what compare.mjs also writes as JSON.

const whole = (value) => Math.round(value).toLocaleString('en-US');
const fixed = (value, digits) => (value === undefined ? '-' : value.toFixed(digits));
const seconds = (ms) => (ms === undefined ? '-' : fixed(ms / 1000, ms < 10_000 ? 2 : 1));

function table(head, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  const rule = head.map((_, column) => (column === 0 ? '---' : '---:'));
  return [head, rule, ...rows].map(line).join('\n');
}

function figures({ title, summary, ratio, errors }) {
  if (!summary) return [title, `failed: ${errors[0]}`, ...Array(8).fill('-')];
  return [
    title,
    whole(summary.tokensPerSecond),
    whole(summary.bestTokensPerSecond),
    `${whole(summary.lowerQuartile)} to ${whole(summary.upperQuartile)}`,
    String(summary.steps),
    ratio === undefined ? '-' : `${fixed(ratio, 2)}x`,
    seconds(summary.firstStepMsCold),
    seconds(summary.firstStepMsWarm),
    fixed(summary.cpuSecondsPerStep, 3),
    summary.peakBytes === undefined ? '-' : fixed(summary.peakBytes / 1e6, 1),
  ];
}

const HEAD = [
  'contestant',
  'tokens/s, median',
  'best step',
  'quartiles',
  'steps',
  'Foretoken over it',
  'first step cold, s',
  'warm, s',
  'CPU s a step',
  'peak MB',
];

function lossRow({ title, update, loss0, lossLast, first, last, agrees }) {
  return [
    title,
    fixed(loss0, 6),
    `${fixed(lossLast, 6)} (after ${update})`,
    first.toExponential(1),
    last.toExponential(1),
    agrees ? 'yes' : '**NO**',
  ];
}

const LOSS_HEAD = ['contestant', 'loss 0', 'last loss', 'difference at 0', 'difference at last', 'agrees'];

function section({ size, contestants, losses, reference }) {
  const { name, layers, width, heads, vocab, context, batch } = size;
  const titles = new Map(contestants.map(({ id, title }) => [id, title]));
  return [
    `## Size ${name}`,
    `${layers} layers, width ${width}, ${heads} heads, vocabulary ${vocab}, context ${context}, batch ${batch}: ${batch * context} tokens a step.`,
    table(HEAD, contestants.map(figures)),
    losses.length === 0
      ? 'No losses to compare.'
      : `Losses, relative differences against ${titles.get(reference)}:\n\n${table(
          LOSS_HEAD,
          losses.map((each) => lossRow({ title: titles.get(each.id), ...each })),
        )}`,
  ].join('\n\n');
}

/** A comparison as Markdown. */
export function markdown({ conditions, versions, adapter, rounds, sizes, disagreements }) {
  const { date, commit, builtAt, processor, cores, memoryGiB, system, node, loadBefore, loads } = conditions;
  const facts = [
    `- Adapter: ${adapter ?? 'none used'}`,
    `- Machine: ${processor}, ${cores} cores, ${memoryGiB} GiB; ${system}; Node ${node}`,
    `- Versions: ${versions.join('; ')}; Foretoken at commit ${commit ?? 'unknown'}, built ${builtAt ?? 'never'}`,
    `- ${date}; ${rounds} ${rounds === 1 ? 'round' : 'rounds'}, contestants in turns; load average before: ${loadBefore.join(', ')}; at the start of each turn: ${loads.min} to ${loads.max}`,
  ];
  const warning =
    disagreements.length === 0
      ? []
      : [`**LOSSES DISAGREE: ${disagreements.join('; ')}. The speeds do not compare the same computation.**`];
  return `${['# Training step, compared', ...warning, facts.join('\n'), ...sizes.map(section)].join('\n\n')}\n`;
}
