// A class whose instances cross threads.
export class Amount {
  #units;
  constructor(units) {
    this.#units = units;
  }
  get units() {
    return this.#units;
  }
}
