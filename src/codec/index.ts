// STUB until the codec is merged
import { deserialize, serialize } from 'node:v8';
export interface Views { readonly bytes: Buffer; readonly view: DataView; readonly f64: Float64Array; readonly u32: Uint32Array }
export abstract class Writer {
  views: Views; start = 0; position = 0; end = 0;
  constructor(views: Views) { this.views = views; }
  protected abstract grow(needed: number): void;
  raw(b: Buffer) { if (this.end - this.position < b.length) this.grow(b.length); b.copy(this.views.bytes, this.position); this.position += b.length; }
}
export class NeedsPort extends Error {}
export type ErrorRecord = { message: string; name: string; stack: string };
export function encode(w: Writer, v: unknown) { 
  if (typeof v === 'number') { if (w.end - w.position < 9) (w as unknown as {grow(n:number):void}).grow(9); w.views.bytes[w.position] = 1; w.views.view.setFloat64(w.position + 1, v, true); w.position += 9; return; }
  w.raw(Buffer.concat([Buffer.from([0]), serialize(v)])); }
export function encodeArguments(w: Writer, v: readonly unknown[]) { 
  if (v.length === 1) encode(w, v[0]); else w.raw(Buffer.concat([Buffer.from([2]), serialize(v)])); }
export function decode(v: Views, s: number, n: number): unknown { return v.bytes[s] === 1 ? v.view.getFloat64(s + 1, true) : deserialize(Buffer.from(v.bytes.subarray(s + 1, s + n))); }
export function decodeArguments(v: Views, s: number, n: number): unknown[] { return v.bytes[s] === 2 ? deserialize(Buffer.from(v.bytes.subarray(s + 1, s + n))) as unknown[] : [decode(v, s, n)]; }
export function encodeError(e: unknown): ErrorRecord { const x = e as Error; return { message: x.message, name: x.name, stack: x.stack ?? '' }; }
export function decodeError(r: ErrorRecord, origin = ''): unknown { const e = new Error(r.message); e.name = r.name; e.stack = r.stack + '\n' + origin + '\n' + e.stack; return e; }
