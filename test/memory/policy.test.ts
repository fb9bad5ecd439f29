import { afterEach, describe, expect, test } from 'vitest';
import { numa, topology, type MemoryPolicy } from 'moirai';

const oneNode = topology().nodes.filter(({ bytes }) => bytes > 0).length === 1;
if (!oneNode) console.log('what one node means is not tested: this machine has several');
const initial = numa.getPolicy();

afterEach(() => void numa.setPolicy(initial));

describe('the policy of a thread', () => {
  test.runIf(oneNode)('has nothing to decide on one node, and says so', () => {
    expect(numa.setPolicy({ mode: 'bind', nodes: [0] })).toBe('single-node');
    expect(numa.setPolicy({ mode: 'interleave', nodes: [0, 1] })).toBe('single-node');
    expect(numa.getPolicy()).toEqual(initial);
    const scope = numa.scopedPolicy({ mode: 'preferred', nodes: [0] });
    expect(scope.placement).toBe('single-node');
    scope.release();
    scope.release();
    expect(numa.getPolicy()).toEqual(initial);
  });

  const wrong: [unknown, typeof TypeError | typeof RangeError, string][] = [
    [undefined, TypeError, 'policy'],
    ['bind', TypeError, 'policy'],
    [{}, TypeError, 'policy.mode'],
    [{ mode: 'bound' }, RangeError, 'policy.mode'],
    [{ mode: 'bind' }, RangeError, 'policy.nodes'],
    [{ mode: 'bind', nodes: [] }, RangeError, 'policy.nodes'],
    [{ mode: 'bind', nodes: 0 }, TypeError, 'policy.nodes'],
    [{ mode: 'bind', nodes: ['0'] }, TypeError, 'policy.nodes[0]'],
    [{ mode: 'bind', nodes: [0, 1024] }, RangeError, 'policy.nodes[1]'],
    [{ mode: 'bind', nodes: [-1] }, RangeError, 'policy.nodes[0]'],
    [{ mode: 'bind', nodes: [0.5] }, RangeError, 'policy.nodes[0]'],
    [{ mode: 'preferred', nodes: [0, 1] }, RangeError, 'policy.nodes'],
    [{ mode: 'local', nodes: [0] }, RangeError, 'policy.nodes'],
    [{ mode: 'default', nodes: [0] }, RangeError, 'policy.nodes'],
    [{ mode: 'bind', node: [0] }, TypeError, 'policy.node'],
  ];
  test.each(wrong)('%j is refused and changes nothing', (policy, type, argument) => {
    for (const call of [numa.setPolicy, numa.scopedPolicy]) {
      const attempt = (): unknown => call(policy as MemoryPolicy);
      expect(attempt).toThrow(type);
      expect(attempt).toThrow(
        expect.objectContaining({ code: 'ERR_MOIRAI_INVALID_ARGUMENT', argument }),
      );
    }
    expect(numa.getPolicy()).toEqual(initial);
  });
});
