/** The sizes that every comparison uses; any other one is given by flags. */
export const SIZES = {
  S: { layers: 2, width: 64, heads: 4, vocab: 64, context: 64, batch: 16 },
  M: { layers: 4, width: 128, heads: 4, vocab: 256, context: 128, batch: 8 },
};

const FIELDS = Object.keys(SIZES.S);

/**
 * The sizes to compare: those named in `names`, or, where any field is given by flag, one that is called `custom`
 * and takes the rest from the first named size.
 */
export function chooseSizes(names, flags = {}) {
  const given = FIELDS.filter((field) => flags[field] !== undefined);
  const chosen = names.map((name) => {
    const size = SIZES[name];
    if (!size) throw new Error(`--sizes: ${name} is none of ${Object.keys(SIZES).join(', ')}.`);
    return { name, ...size };
  });
  if (given.length === 0) return chosen;
  const size = { ...chosen[0], name: 'custom' };
  for (const field of given) size[field] = positive(field, flags[field]);
  if (size.width % size.heads !== 0) {
    throw new Error(`--heads: width ${size.width} is no multiple of ${size.heads} heads.`);
  }
  return [size];
}

function positive(field, text) {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) {
    throw new Error(`--${field}: expected a positive whole number, got ${text}.`);
  }
  return value;
}

export const tokensPerStep = ({ batch, context }) => batch * context;
