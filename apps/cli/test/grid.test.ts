import { expect, it } from 'vitest';
import { describeEnding, eventOfLine } from '../src/grid.js';

it('says what killed the process of a run, and the way out', () => {
  const killed = describeEnding({ status: null, signal: 'SIGKILL' }, 'a warning\n');
  expect(killed).toMatch(/^its process was killed by SIGKILL, .*The same command resumes/);
  expect(describeEnding({ status: null, signal: 'SIGSEGV' }, '')).toMatch(/killed by SIGSEGV\. The same/);
  expect(describeEnding({ status: 1, signal: null }, 'first\nno such model\n')).toBe('no such model');
  expect(describeEnding({ status: 7, signal: null }, '')).toBe('its process ended with status 7');
});

it('passes over half a line of a process that was killed', () => {
  expect(eventOfLine('{"type":"checkpoint","step":5}')).toEqual({ type: 'checkpoint', step: 5 });
  for (const line of ['{"type":"metrics","st', '', 'MESA: warning', '5', 'null'])
    expect(eventOfLine(line)).toBeUndefined();
});
