// What the package exports has in stack traces and messages the name that it is imported by.
import * as moirai from 'moirai';
import * as doctor from 'moirai/doctor';
import * as worker from 'moirai/worker';
import { expect, test } from 'vitest';

const exported = Object.entries({ ...moirai, ...doctor, ...worker });

test('classes and functions have the names that they are exported by', () => {
  const functions = exported.filter(([, value]) => typeof value === 'function');
  const names = functions.map(([, value]) => (value as { readonly name: string }).name);
  expect(names).toEqual(functions.map(([name]) => name));
  expect(names).toContain('NumaPool');
});
