/** What is read where a property is absent or an array has a hole; no encoded value is this object. */
export const nothing: unknown = Object.freeze(Object.create(null));
