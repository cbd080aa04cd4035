import { describe, expect, it } from 'vitest';
import {
  describeSettings,
  findObjective,
  ObjectiveConfigError,
  objectiveKinds,
  resolveSettings,
} from '../src/index.js';
import { make } from './support/context.js';

describe('createObjective', () => {
  it('knows the objectives by name', () => {
    expect(objectiveKinds.map(({ name }) => name)).toEqual(['ntp', 'mtp', 'teacherless', 'mutor']);
    for (const { name } of objectiveKinds) expect(make(name).name).toBe(name);
  });

  it.each([
    ['mtr', {}, 'objective: expected one of ntp, mtp, teacherless, mutor, got "mtr".'],
    ['mutor', { maxOfset: 2 }, 'objective mutor: no setting "maxOfset". Did you mean maxOffset?'],
    ['mutor', { weight: 1.5 }, 'objective mutor: weight: '],
    [
      'mutor',
      { minOffset: 3, maxOffset: 2 },
      'objective mutor: minOffset: minOffset must not be above maxOffset.',
    ],
    ['mutor', { wrappedTargets: 'mask' }, 'wrappedTargets: only a grid has a border; set offsets to grid.'],
    ['mutor', { offsets: 'grid' }, 'grid: offsets on a grid need its height and width.'],
    ['mutor', { offsets: 'grid', grid: { height: 4 } }, 'objective mutor: grid.width: '],
    [
      'mutor',
      { offsets: 'grid', grid: { height: 4, width: 4 }, minOffset: 2 },
      'minOffset: offsets on a grid',
    ],
    [
      'mutor',
      { offsets: 'grid', grid: { height: 4, width: 4 }, maxOffset: 1 },
      'maxOffset: a grid of offsets',
    ],
    ['mutor', { maxOffset: 2.5, registerCount: 0 }, /maxOffset: .*; registerCount: /],
    ['mtp', { heads: 0 }, 'objective mtp: heads: '],
    ['teacherless', { weight: -1 }, 'objective teacherless: weight: '],
    ['ntp', { lossOn: 'prompt' }, 'objective ntp: lossOn: '],
  ])('%s with %j is refused with a reason', (name, settings, message) => {
    expect(() => make(name, settings)).toThrow(ObjectiveConfigError);
    expect(() => make(name, settings)).toThrow(message);
  });

  it('says how each objective answers', () => {
    const kinds = (settings: Record<string, unknown>): string[] => [
      make('teacherless', settings).decoding.kind,
    ];
    expect(kinds({})).toEqual(['parallel']);
    expect(kinds({ weight: 0.5 })).toEqual(['autoregressive']);
    for (const name of ['ntp', 'mtp', 'mutor']) {
      expect(make(name, { bidirectionalPrefix: true }).decoding).toEqual({
        kind: 'autoregressive',
        bidirectionalPrefix: true,
      });
    }
  });
});

describe('settings', () => {
  it('are completed with defaults', () => {
    expect(resolveSettings('mutor', { maxOffset: 3 })).toEqual({
      lossOn: 'answer',
      bidirectionalPrefix: false,
      minOffset: 1,
      maxOffset: 3,
      offsets: 'sequence',
      wrappedTargets: 'keep',
      weight: 0.3,
      registers: 'answer',
      vectorPerOffset: false,
    });
  });

  it.each(objectiveKinds.map((kind) => [kind.name, kind] as const))(
    '%s: each is described for help texts',
    (_, kind) => {
      expect(describeSettings(kind).map(({ name }) => name)).toEqual(Object.keys(kind.settings.shape));
      for (const { description, type } of describeSettings(kind)) {
        expect(description).not.toBe('');
        expect(type).toMatch(/^(integer|number|boolean|\w+( \| \w+)+|\{ \w+(, \w+)* \})$/);
      }
    },
  );

  it('show type and default', () => {
    const [lossOn, , minOffset] = describeSettings(findObjective('mutor'));
    expect(lossOn).toMatchObject({ name: 'lossOn', type: 'answer | all', default: 'answer' });
    expect(minOffset).toMatchObject({ name: 'minOffset', type: 'integer', default: 1 });
  });
});
