import { refuseField } from './family.js';

type Plain = 'gelu' | 'geluTanh' | 'relu' | 'silu';

/** Names of activations in config.json; the first of each kind is the one that is written. */
const NAMES: Readonly<Record<Plain, readonly string[]>> = {
  gelu: ['gelu', 'gelu_python'],
  geluTanh: ['gelu_pytorch_tanh', 'gelu_new', 'gelu_fast', 'gelu_accurate'],
  relu: ['relu'],
  silu: ['silu', 'swish'],
};

const GATED = { gelu: 'geglu', geluTanh: 'gegluTanh', relu: 'reglu', silu: 'swiglu' } as const;

function plainKind(field: string, name: string): Plain {
  const found = Object.entries(NAMES).find(([, names]) => names.includes(name));
  if (found === undefined) return refuseField(field, name, Object.values(NAMES).flat().join(', '));
  return found[0] as Plain;
}

/** The kind of a plain MLP. @throws FieldsError naming the known ones */
export const readActivation = (field: string, name: string): Plain => plainKind(field, name);

/** The kind of a gated MLP. @throws FieldsError naming the known ones */
export const readGatedActivation = (field: string, name: string): (typeof GATED)[Plain] =>
  GATED[plainKind(field, name)];

/** What config.json calls the activation of a kind of MLP; `none` has none. */
export function activationName(kind: string): string | undefined {
  const plain = Object.entries(GATED).find(([, gated]) => gated === kind)?.[0] ?? kind;
  return NAMES[plain as Plain]?.[0];
}
