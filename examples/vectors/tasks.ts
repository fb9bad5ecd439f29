import { Vector } from './vector.js';

export interface Body {
  readonly name: string;
  readonly mass: number;
  readonly place: Vector;
}

/** The point about which bodies balance: they come as plain objects with instances in them. */
export function centreOfMass(bodies: readonly Body[]): Vector {
  let sum = new Vector(0, 0, 0);
  let mass = 0;
  for (const body of bodies) {
    sum = sum.plus(body.place.times(body.mass));
    mass += body.mass;
  }
  return sum.times(1 / mass);
}
