import { Amount } from './amount.mjs';

export const amount = {
  type: Amount,
  encode: (value) => value.units,
  decode: (units) => new Amount(units),
};
