// Findings are told apart by state, fixes by kind. Compiled, never run, as errors.test-d.ts is.
import { capabilities } from 'moirai';
import { examine, type Finding } from 'moirai/doctor';

const { cpu, findings } = examine({ root: '/', cpu: 1, probes: capabilities() });
cpu satisfies number;
for (const { state, fix } of findings) {
  state satisfies 'ok' | 'improvable' | 'missing' | 'unknown';
  fix?.unit satisfies string | undefined;
}
// @ts-expect-error A fix may be missing.
findings[0]?.fix.now;
// @ts-expect-error There is no such state.
findings.filter(({ state }: Finding) => state === 'bad');
// @ts-expect-error CPUs have numbers.
examine({ cpu: '1' });
