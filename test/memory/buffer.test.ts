// A buffer's own policy, migration, statistics; and that no argument at all does harm.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MoiraiError, numa, topology, type NumaBuffer } from 'moirai';

const oneNode = topology().nodes.filter(({ bytes }) => bytes > 0).length === 1;
if (!oneNode) console.log('what one node means is not tested: this machine has several');
const mebibyte = 2 ** 20;
const { pageBytes } = numa.stats();

describe.runIf(oneNode)('on one node', () => {
  test('a policy and a move have nothing to do and say so', () => {
    const memory = numa.allocate(mebibyte, { prefault: true });
    expect(memory.setPolicy({ mode: 'bind', nodes: [0] }, { move: true, strict: true })).toBe(
      'single-node',
    );
    expect(memory.getPolicy()).toEqual(numa.getPolicy());
    expect(memory.move(0)).toEqual({ outcome: 'single-node', pages: 0, stayed: [] });
    memory.free();
    for (const call of [
      () => memory.move(0),
      () => memory.setPolicy({ mode: 'local' }),
      () => memory.view(Uint8Array),
    ]) {
      expect(call).toThrow(expect.objectContaining({ code: 'ERR_MOIRAI_CLOSED' }));
    }
  });
});

describe('attach', () => {
  test('makes a handle of its own for the same memory', () => {
    const memory = numa.allocate(10_000);
    const same = numa.attach(memory.buffer);
    same.view(Uint8Array)[1] = 5;
    expect(memory.view(Uint8Array)[1]).toBe(5);
    expect(same.pageNodes()).toEqual(memory.pageNodes());
    expect(same.bytes).toBe(10_000);
  });

  test.each([
    ['a plain SharedArrayBuffer', new SharedArrayBuffer(64)],
    ['an ArrayBuffer', new ArrayBuffer(4096)],
    ['an object', {}],
    ['nothing', undefined],
  ])('refuses %s', (_, buffer) => {
    expect(() => numa.attach(buffer as SharedArrayBuffer)).toThrow(
      expect.objectContaining({ code: 'ERR_MOIRAI_INVALID_ARGUMENT', argument: 'buffer' }),
    );
  });
});

describe('statistics', () => {
  test("have each node's memory, counters, and what is held", () => {
    const before = numa.stats();
    const node = before.nodes[0];
    expect(before.nodes.map(({ node: id }) => id)).toEqual(
      topology()
        .nodes.filter(({ bytes }) => bytes > 0)
        .map(({ id }) => id),
    );
    expect(node?.bytes).toBe(topology().nodes[0]?.bytes);
    expect(node?.freeBytes).toBeGreaterThan(0);
    expect(node?.availableBytes).toBeGreaterThan(0);
    expect(node?.availableBytes).toBeLessThanOrEqual(node?.bytes ?? 0);
    expect((node?.usedBytes ?? 0) + (node?.freeBytes ?? 0)).toBe(node?.bytes);
    expect(node?.hits).toBeGreaterThan(0);
    const heldBytes = (): number => numa.stats().nodes[0]?.held.bytes ?? 0;
    const heldBefore = heldBytes();
    const memory = numa.allocate(mebibyte, { node: node?.node });
    expect(heldBytes() - heldBefore).toBe(mebibyte);
    expect(numa.stats().nodes[0]?.held.buffers).toBe((node?.held.buffers ?? 0) + 1);
    memory.free();
    memory.free();
    expect(heldBytes()).toBe(heldBefore);
  });
});

describe('any arguments', () => {
  const anything = fc.oneof(
    fc.anything(),
    fc.integer({ min: -5, max: 5000 }),
    fc.constantFrom('bind', 'local', 'interleave', 'transparent'),
  );
  const options = fc.oneof(
    anything,
    fc.record(
      {
        node: anything,
        policy: fc.oneof(anything, fc.record({ mode: anything, nodes: fc.array(anything) })),
        hugePages: anything,
        prefault: anything,
        lock: fc.constantFrom<unknown>(false, undefined, 1, 'x'),
        required: anything,
        at: anything,
        bytes: anything,
        move: anything,
        strict: anything,
      },
      { requiredKeys: [] },
    ),
  );

  /** Fine, or refused with a code; nothing else, and nothing worse. */
  function holds(call: () => unknown): void {
    try {
      call();
    } catch (error) {
      const isOurs = error instanceof MoiraiError || codeOf(error).startsWith('ERR_MOIRAI_');
      if (!isOurs) throw error;
    }
  }
  const codeOf = (error: unknown): string => String((error as { code?: unknown }).code);

  test('to allocate are granted or refused with a code', () => {
    fc.assert(
      fc.property(
        fc.oneof(anything, fc.integer({ min: 1, max: 4 * mebibyte })),
        options,
        (bytes, given) => {
          holds(() => numa.allocate(bytes as number, given as object).free());
        },
      ),
    );
  });

  test('to the calls on a buffer are granted or refused with a code, and it stays whole', () => {
    fc.assert(
      fc.property(options, options, fc.boolean(), (policy, given, freed) => {
        const memory: NumaBuffer = numa.allocate(3 * pageBytes + 1);
        memory.view(Uint8Array)[3 * pageBytes] = 9;
        if (freed) memory.free();
        holds(() => memory.setPolicy(policy as never, given as never));
        holds(() => memory.getPolicy(policy as never));
        holds(() => memory.move(given as never));
        holds(() => memory.view(policy as never));
        expect(memory.pageNodes().length).toBe(4);
        expect(new Uint8Array(memory.buffer)[3 * pageBytes]).toBe(freed ? 0 : 9);
      }),
    );
  });
});
