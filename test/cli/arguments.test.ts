// Words of a command line: what they come to, and what is said about wrong ones.
import { describe, expect, test } from 'vitest';
import { ArgumentError, helpOf, parse, type Options } from '../../dist/cli/arguments.js';
import { rtValues } from '../../dist/cli/rt-options.js';

const options = {
  many: { kind: 'integer', placeholder: 'N', min: 1, max: 9, default: 3, help: 'how many' },
  some: { kind: 'integer', placeholder: 'N', min: 0, max: 9, help: 'or none' },
  time: { kind: 'duration', default: 10, help: 'how long' },
  way: { kind: 'choice', choices: ['a', 'b'], default: 'a', help: 'which way' },
  file: { kind: 'text', placeholder: 'FILE', help: 'where' },
  loud: { kind: 'flag', help: 'or not' },
} as const satisfies Options;

test('what is not given has its default', () => {
  const { values, given } = parse(options, []);
  expect(values).toEqual({ many: 3, time: 10, way: 'a', loud: false });
  expect(given.size).toBe(0);
});

test('what is given is read, with a blank or =', () => {
  const words = ['--many=9', '--some', '0', '--time', '2m', '--way', 'b', '--file', 'x', '--loud'];
  const { values, given } = parse(options, words);
  expect(values).toEqual({ many: 9, some: 0, time: 120, way: 'b', file: 'x', loud: true });
  expect(given.has('some')).toBe(true);
});

test.each([
  ['500ms', 0.5],
  ['1.5', 1.5],
  ['10s', 10],
  ['2m', 120],
  ['1h', 3600],
  ['0', 0],
])('the time %s', (word, seconds) => {
  expect(parse(options, ['--time', word]).values.time).toBe(seconds);
});

describe('refused, naming what is allowed', () => {
  test.each([
    [['--many', '10'], '--many', 'an integer from 1 to 9'],
    [['--many', '-1'], '--many', 'an integer from 1 to 9'],
    [['--many', '1.5'], '--many', 'an integer from 1 to 9'],
    [['--many', ''], '--many', 'an integer from 1 to 9'],
    [['--many'], '--many', 'an integer from 1 to 9'],
    [['--time', '10 parsecs'], '--time', '500ms, 10s, 2m or 1h'],
    [['--time', '25h'], '--time', 'up to a day'],
    [['--way', 'c'], '--way', 'one of a, b'],
    [['--file'], '--file', 'followed by FILE'],
    [['--file', '--loud'], '--file', 'followed by FILE'],
    [['--loud=yes'], '--loud', 'without a value'],
    [['--lout'], '--lout', '--many, --some, --time, --way, --file, --loud'],
    [['-l'], '-l', 'options are --many'],
    [['--constructor'], '--constructor', 'options are --many'],
    [['word'], 'word', 'options are --many'],
    [['--', 'x'], '--', 'options are --many'],
  ])('%j', (words, argument, allowed) => {
    let thrown: unknown;
    try {
      parse(options, words);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(ArgumentError);
    expect(thrown).toMatchObject({ code: 'ERR_MOIRAI_INVALID_ARGUMENT', argument });
    expect((thrown as Error).message).toContain(allowed);
  });
});

test('the help has a line for each, with defaults', () => {
  const lines = helpOf(options).split('\n');
  expect(lines).toHaveLength(Object.keys(options).length);
  expect(lines[0]).toBe('  --many N     how many (3)');
  expect(lines[2]).toBe('  --time TIME  how long (10s)');
  expect(lines[3]).toBe('  --way a|b    which way (a)');
});

describe('moirai rt', () => {
  test.each([
    [['--policy', 'deadline', '--priority', '80'], '--priority'],
    [['--policy', 'deadline', '--cpu', '0'], '--cpu'],
    [['--policy', 'deadline', '--compare'], '--compare'],
    [['--policy', 'deadline', '--period-us', '50'], '--period-us'],
    [['--compare', '--duration', '0'], '--duration'],
  ])('%j does not go together', (words, argument) => {
    expect(() => rtValues(words)).toThrow(expect.objectContaining({ argument }) as Error);
  });
});
