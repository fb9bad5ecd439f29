// One object for one lock in a thread, however often it arrives there: what this thread holds, and who
// waits in it, is known in one place.

const objects = new Map<string, WeakRef<object>>();
const keys = new WeakMap<object, string>();
const collected = new FinalizationRegistry<string>((key) => {
  if (objects.get(key)?.deref() === undefined) objects.delete(key);
});

/** The object of this kind and identity, made when the thread does not have it. */
export function knownObject<T extends object>(kind: string, id: string, make: () => T): T {
  const key = `${kind} ${id}`;
  const known = objects.get(key)?.deref();
  if (known !== undefined) return known as T;
  const made = make();
  objects.set(key, new WeakRef(made));
  keys.set(made, key);
  collected.register(made, key);
  return made;
}

/** It was closed: who comes from here on needs a new one. */
export function forgetObject(object: object): void {
  const key = keys.get(object);
  if (key !== undefined && objects.get(key)?.deref() === object) objects.delete(key);
}
