// How many inputs a property sees: a campaign asks for PROPERTY_FACTOR times as many as a test run takes.
// Steps of a sequence get `size: 'max'` where they are made, since fast-check's own sequences end after
// ten or so.
import fc from 'fast-check';

const factor = Number(process.env['PROPERTY_FACTOR'] ?? 1);

export const runs = (usual: number): number => Math.ceil(usual * factor);

fc.configureGlobal({ numRuns: runs(100) });
