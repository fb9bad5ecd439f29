// Instances with codecs, and objects that go as what they are, in a value that goes by MessagePort, whose
// cloning knows nothing of either: in the value stand empty objects in their place, and beside it is what
// to make for each of these.
import { types } from 'node:util';
import { departureOf, dropHandle, isKnown, isShareable } from '../share/index.js';
import type { Departing, Shared } from '../share/index.js';
import { brandOf } from './brands.js';
import type { CodecTable } from './codec-table.js';
import { setProperty } from './decoded-shapes.js';
import { prototypeOf } from './prototype-of.js';
import { corrupt, type Attacher } from './reader.js';

export interface PortPack {
  readonly value: unknown;
  /** Those within others come first. */
  readonly instances: readonly (readonly [place: object, codec: number, encoded: unknown])[];
}

/** In place of a codec's number: what stands there is a handle. */
const handle = -1;

/**
 * The value itself where no instance is in it, else a copy of what leads to the instances. What goes with
 * it is noted in `departing`: the caller lets it go, or not.
 */
export function packForPort(
  codecs: CodecTable | undefined,
  value: unknown,
  departing: Departing,
): PortPack {
  if (!holdsInstance(codecs, value, new Set())) return { value, instances: [] };
  const instances: [object, number, unknown][] = [];
  const copies = new Map<object, object>();
  const open = new Map<object, number>();
  const copyOf = (part: unknown): unknown => {
    if (typeof part !== 'object' || part === null || types.isProxy(part)) return part;
    const known = copies.get(part);
    if (known !== undefined) {
      const within = open.get(known);
      if (within !== undefined && codecs !== undefined) throw codecs.cycle(within);
      return known;
    }
    const codec = codecs?.numberOf(prototypeOf(part)) ?? -1;
    if (codecs !== undefined && codec >= 0) {
      const place = {};
      copies.set(part, place);
      open.set(place, codec);
      const encoded = copyOf(codecs.encode(codec, part));
      open.delete(place);
      instances.push([place, codec, encoded]);
      return place;
    }
    const departure = departureOf(part);
    if (departure !== undefined) {
      const place = {};
      copies.set(part, place);
      instances.push([place, handle, departing.add(departure)]);
      return place;
    }
    return copyContainer(part, copies, copyOf);
  };
  return { value: copyOf(value), instances };
}

function copyContainer(
  part: object,
  copies: Map<object, object>,
  copyOf: (part: unknown) => unknown,
): object {
  const copy = <T extends object>(empty: T): T => {
    copies.set(part, empty);
    return empty;
  };
  switch (kindOf(part)) {
    case 'array': {
      const array = copy(new Array<unknown>((part as unknown[]).length));
      for (const [key, value] of Object.entries(part)) setProperty(array, key, copyOf(value));
      return array;
    }
    case 'ordinary': {
      const object = copy({});
      for (const [key, value] of Object.entries(part)) setProperty(object, key, copyOf(value));
      return object;
    }
    case 'map': {
      const map = copy(new Map<unknown, unknown>());
      for (const [key, value] of entriesOf(part)) map.set(copyOf(key), copyOf(value));
      return map;
    }
    case 'set': {
      const set = copy(new Set<unknown>());
      for (const member of membersOf(part)) set.add(copyOf(member));
      return set;
    }
    default:
      return part;
  }
}

function holdsInstance(codecs: CodecTable | undefined, part: unknown, seen: Set<object>): boolean {
  if (typeof part !== 'object' || part === null || types.isProxy(part) || seen.has(part)) {
    return false;
  }
  seen.add(part);
  if (isShareable(part)) return true;
  if (codecs !== undefined && codecs.numberOf(prototypeOf(part)) >= 0) return true;
  const holds = (one: unknown): boolean => holdsInstance(codecs, one, seen);
  switch (kindOf(part)) {
    case 'array':
    case 'ordinary':
      return Object.values(part).some(holds);
    case 'map':
      return entriesOf(part).flat().some(holds);
    case 'set':
      return membersOf(part).some(holds);
    default:
      return false;
  }
}

/** The value with its instances, made from a clone of the pack. */
export function unpackFromPort(
  codecs: CodecTable | undefined,
  { value, instances }: PortPack,
  attach: Attacher,
): unknown {
  const made = new Map<object, unknown>();
  for (const [place, codec, encoded] of instances) {
    if (codec === handle) {
      made.set(place, attach.attach(encoded as Shared<unknown>));
    } else {
      if (codecs === undefined) throw corrupt('an instance of no class');
      made.set(place, codecs.decode(codec, fill(encoded, made, new Set())));
    }
  }
  return instances.length === 0 ? value : fill(value, made, new Set());
}

/** Whether the modules of all objects that come in it are loaded. */
export function canUnpack({ instances }: PortPack): boolean {
  return instances.every(
    ([, codec, encoded]) => codec !== handle || isKnown((encoded as Shared<unknown>).moirai),
  );
}

/** Nobody will unpack it. */
export function dropPack({ instances }: PortPack): void {
  for (const [, codec, encoded] of instances) {
    if (codec === handle) dropHandle(encoded as Shared<unknown>);
  }
}

/** Puts what was made into its places. */
function fill(part: unknown, made: ReadonlyMap<object, unknown>, seen: Set<object>): unknown {
  if (typeof part !== 'object' || part === null) return part;
  if (made.has(part)) return made.get(part);
  if (seen.has(part)) return part;
  seen.add(part);
  const filled = (one: unknown): unknown => fill(one, made, seen);
  switch (kindOf(part)) {
    case 'array':
    case 'ordinary':
      for (const [key, before] of Object.entries(part)) {
        const after = filled(before);
        if (after !== before) setProperty(part, key, after);
      }
      break;
    case 'map': {
      const map = part as Map<unknown, unknown>;
      const entries = entriesOf(map).map(([key, one]) => [filled(key), filled(one)] as const);
      map.clear();
      for (const [key, one] of entries) map.set(key, one);
      break;
    }
    case 'set': {
      const set = part as Set<unknown>;
      const members = membersOf(set).map(filled);
      set.clear();
      for (const member of members) set.add(member);
      break;
    }
    default:
  }
  return part;
}

function kindOf(part: object): string {
  return Array.isArray(part) ? 'array' : brandOf(part, prototypeOf(part));
}

// By the language's own methods: an instance may have others of the same name.
function entriesOf(map: object): [unknown, unknown][] {
  const entries: [unknown, unknown][] = [];
  Map.prototype.forEach.call(
    map,
    (value: unknown, key: unknown) => void entries.push([key, value]),
  );
  return entries;
}

function membersOf(set: object): unknown[] {
  const members: unknown[] = [];
  Set.prototype.forEach.call(set, (member: unknown) => void members.push(member));
  return members;
}
