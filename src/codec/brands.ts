// What kind of object something really is, whatever its prototype claims. The structured clone algorithm
// goes by internal slots, which JavaScript can see for some kinds only; for the rest the prototypes
// are judged, and what is not certain to be an ordinary object is "unknown": structuredClone decides.
import { types } from 'node:util';
import { prototypeOf } from './prototype-of.js';

export type Brand =
  | 'ordinary'
  | 'date'
  | 'regexp'
  | 'map'
  | 'set'
  | 'error'
  | 'boxed'
  | 'view'
  | 'buffer'
  | 'shared'
  | 'unknown';

/** Kinds with slots that structuredClone refuses or a MessagePort must carry. */
const refusedKinds: readonly ((value: unknown) => boolean)[] = [
  types.isProxy,
  types.isArgumentsObject,
  types.isModuleNamespaceObject,
  types.isPromise,
  types.isWeakMap,
  types.isWeakSet,
  types.isGeneratorObject,
  types.isMapIterator,
  types.isSetIterator,
  types.isExternal,
];

/** Brands that the prototype suggests, each confirmed by its slot. */
const suggested = new Map<object | null, readonly [Brand, (value: unknown) => boolean]>([
  [Date.prototype, ['date', types.isDate]],
  [Map.prototype, ['map', types.isMap]],
  [Set.prototype, ['set', types.isSet]],
  [RegExp.prototype, ['regexp', types.isRegExp]],
  [SharedArrayBuffer.prototype, ['shared', types.isSharedArrayBuffer]],
]);

/** Prototypes from which nothing but ordinary objects come, as far as prototypes can tell. */
const judged = new WeakMap<object, boolean>();

export function brandOf(value: object, prototype: object | null): Brand {
  const suggestion = suggested.get(prototype);
  if (suggestion?.[1](value)) return suggestion[0];
  if (ArrayBuffer.isView(value)) return 'view';
  // An instance of a class seen before: what its prototype said goes for it too, unless it has no
  // properties, as the built-in objects have none.
  if (prototype !== null && judged.get(prototype) === true && hasKeys(value)) return 'ordinary';
  return slotOf(value) ?? (isOrdinary(value) ? 'ordinary' : 'unknown');
}

function slotOf(value: object): Brand | undefined {
  if (types.isArrayBuffer(value)) return 'buffer';
  if (types.isSharedArrayBuffer(value)) return 'shared';
  // Node's own classes (DOMException is one) may be errors, but are cloned as what they are.
  if (types.isNativeError(value)) return comesFromOrdinary(value, true) ? 'error' : 'unknown';
  if (types.isDate(value)) return 'date';
  if (types.isMap(value)) return 'map';
  if (types.isSet(value)) return 'set';
  if (types.isRegExp(value)) return 'regexp';
  if (types.isBoxedPrimitive(value)) return types.isSymbolObject(value) ? 'unknown' : 'boxed';
  return undefined;
}

/** Whether structuredClone surely makes a plain object of the own properties of this one. */
export function isOrdinary(value: object): boolean {
  for (const is of refusedKinds) if (is(value)) return false;
  if (slotOf(value) !== undefined || value === globalThis) return false;
  return comesFromOrdinary(value, false);
}

function hasKeys(value: object): boolean {
  for (const key in value) if (Object.hasOwn(value, key)) return key !== '0';
  return false;
}

function comesFromOrdinary(value: object, error: boolean): boolean {
  const prototype = prototypeOf(value);
  if (prototype === null || prototype === Object.prototype) return true;
  const known = error ? undefined : judged.get(prototype);
  if (known !== undefined) return known;
  const verdict = judgeChain(prototype, error);
  if (!error) judged.set(prototype, verdict);
  return verdict;
}

function judgeChain(first: object, error: boolean): boolean {
  for (let one: object | null = first; one !== null; one = prototypeOf(one)) {
    if (types.isProxy(one)) return false;
    if (isObjectPrototype(one)) continue;
    if (!judge(one, error)) return false;
  }
  return true;
}

/** Also the Object.prototype of another realm, as vm contexts have. */
function isObjectPrototype(prototype: object): boolean {
  return (
    prototypeOf(prototype) === null &&
    Object.hasOwn(prototype, '__lookupGetter__') &&
    Object.hasOwn(prototype, 'hasOwnProperty')
  );
}

const errorNames = /^(?:Aggregate|Eval|Range|Reference|Syntax|Type|URI|Suppressed)?Error$/;

function judge(prototype: object, error: boolean): boolean {
  // Node marks the classes whose instances its MessagePorts treat specially by such symbols.
  for (const symbol of Object.getOwnPropertySymbols(prototype)) {
    if (symbol.description?.startsWith('messaging_')) return false;
  }
  const maker: unknown = Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value;
  if (typeof maker !== 'function') {
    // Iterators of the language have a tag and no constructor.
    return !Object.hasOwn(prototype, Symbol.toStringTag);
  }
  if (types.isProxy(maker)) return false;
  const name: unknown = Object.getOwnPropertyDescriptor(maker, 'name')?.value;
  if (typeof name !== 'string') return true;
  if (error && errorNames.test(name)) return true;
  // Made by C++, or by the platform (URL, Headers: Node refuses some, with a mark that cannot be seen).
  if (/\{\s*\[native code\]\s*\}$/.test(Function.prototype.toString.call(maker))) return false;
  return globalNamed(name) !== maker;
}

function globalNamed(name: string): unknown {
  if (!Object.hasOwn(globalThis, name)) return undefined;
  return (globalThis as Record<string, unknown>)[name];
}
