import { toKeyBlock, type KeyBlock } from './key-block.js';

/** So many key sequences are remembered; then all are forgotten, so that changing keys cannot leak. */
const MAX_NODES = 4096;

/** The keys of an object that has come more than once. */
export interface Shape extends KeyBlock {
  readonly keys: readonly string[];
}

/** One step in a tree of keys in order; the path from the root to a node is a key sequence. */
export class KeyNode {
  #key: string | undefined = undefined;
  #next: KeyNode | undefined = undefined;
  #others: Map<string, KeyNode> | undefined = undefined;
  #visited = false;
  #shape: Shape | undefined = undefined;

  /** The node after this key. */
  step(key: string): KeyNode {
    return key === this.#key ? (this.#next as KeyNode) : this.#stepElsewhere(key);
  }

  #stepElsewhere(key: string): KeyNode {
    const known = this.#others?.get(key);
    if (known !== undefined) return known;
    const node = new KeyNode();
    nodes++;
    if (this.#key === undefined) {
      this.#key = key;
      this.#next = node;
    } else {
      (this.#others ??= new Map()).set(key, node);
    }
    return node;
  }

  /** The shape that ends here; none on the first visit, which for most dictionaries is the only one. */
  shape(object: object): Shape | undefined {
    return this.#shape ?? this.#learn(object);
  }

  #learn(object: object): Shape | undefined {
    if (!this.#visited) {
      this.#visited = true;
      return undefined;
    }
    const keys = Object.keys(object);
    const block = toKeyBlock(keys);
    if (block !== undefined) this.#shape = { keys, hash: block.hash, words: block.words };
    return this.#shape;
  }
}

let root = new KeyNode();
let nodes = 0;

/** Where every object's keys begin. */
export function firstNode(): KeyNode {
  if (nodes > MAX_NODES) {
    root = new KeyNode();
    nodes = 0;
  }
  return root;
}
