/** `Object.getPrototypeOf` by its true type: what TypeScript declares returns `any`. */
export const prototypeOf: (value: object) => object | null = Object.getPrototypeOf;
