/** Up to here building a string from its units beats the call into Buffer's native slices. */
export const SHORT_MAX = 16;

const { fromCharCode } = String;

/** `length` latin1 bytes at `at`: unrolled, since one call with all units makes no intermediate strings. */
export function shortLatin1(b: Uint8Array, at: number, length: number): string {
  const u = b as unknown as readonly number[] & Record<number, number>;
  switch (length) {
    case 0:
      return '';
    case 1:
      return fromCharCode(u[at] as number);
    case 2:
      return fromCharCode(u[at] as number, u[at + 1] as number);
    case 3:
      return fromCharCode(u[at] as number, u[at + 1] as number, u[at + 2] as number);
    case 4:
      return fromCharCode(
        u[at] as number,
        u[at + 1] as number,
        u[at + 2] as number,
        u[at + 3] as number,
      );
    case 5:
      return fromCharCode(
        u[at] as number,
        u[at + 1] as number,
        u[at + 2] as number,
        u[at + 3] as number,
        u[at + 4] as number,
      );
    case 6:
      return fromCharCode(
        u[at] as number,
        u[at + 1] as number,
        u[at + 2] as number,
        u[at + 3] as number,
        u[at + 4] as number,
        u[at + 5] as number,
      );
    case 7:
      return fromCharCode(
        u[at] as number,
        u[at + 1] as number,
        u[at + 2] as number,
        u[at + 3] as number,
        u[at + 4] as number,
        u[at + 5] as number,
        u[at + 6] as number,
      );
    case 8:
      return fromCharCode(
        u[at] as number,
        u[at + 1] as number,
        u[at + 2] as number,
        u[at + 3] as number,
        u[at + 4] as number,
        u[at + 5] as number,
        u[at + 6] as number,
        u[at + 7] as number,
      );
    case 9:
      return fromCharCode(
        u[at] as number,
        u[at + 1] as number,
        u[at + 2] as number,
        u[at + 3] as number,
        u[at + 4] as number,
        u[at + 5] as number,
        u[at + 6] as number,
        u[at + 7] as number,
        u[at + 8] as number,
      );
    case 10:
      return fromCharCode(
        u[at] as number,
        u[at + 1] as number,
        u[at + 2] as number,
        u[at + 3] as number,
        u[at + 4] as number,
        u[at + 5] as number,
        u[at + 6] as number,
        u[at + 7] as number,
        u[at + 8] as number,
        u[at + 9] as number,
      );
    case 11:
      return fromCharCode(
        u[at] as number,
        u[at + 1] as number,
        u[at + 2] as number,
        u[at + 3] as number,
        u[at + 4] as number,
        u[at + 5] as number,
        u[at + 6] as number,
        u[at + 7] as number,
        u[at + 8] as number,
        u[at + 9] as number,
        u[at + 10] as number,
      );
    case 12:
      return fromCharCode(
        u[at] as number,
        u[at + 1] as number,
        u[at + 2] as number,
        u[at + 3] as number,
        u[at + 4] as number,
        u[at + 5] as number,
        u[at + 6] as number,
        u[at + 7] as number,
        u[at + 8] as number,
        u[at + 9] as number,
        u[at + 10] as number,
        u[at + 11] as number,
      );
    case 13:
      return fromCharCode(
        u[at] as number,
        u[at + 1] as number,
        u[at + 2] as number,
        u[at + 3] as number,
        u[at + 4] as number,
        u[at + 5] as number,
        u[at + 6] as number,
        u[at + 7] as number,
        u[at + 8] as number,
        u[at + 9] as number,
        u[at + 10] as number,
        u[at + 11] as number,
        u[at + 12] as number,
      );
    case 14:
      return fromCharCode(
        u[at] as number,
        u[at + 1] as number,
        u[at + 2] as number,
        u[at + 3] as number,
        u[at + 4] as number,
        u[at + 5] as number,
        u[at + 6] as number,
        u[at + 7] as number,
        u[at + 8] as number,
        u[at + 9] as number,
        u[at + 10] as number,
        u[at + 11] as number,
        u[at + 12] as number,
        u[at + 13] as number,
      );
    case 15:
      return fromCharCode(
        u[at] as number,
        u[at + 1] as number,
        u[at + 2] as number,
        u[at + 3] as number,
        u[at + 4] as number,
        u[at + 5] as number,
        u[at + 6] as number,
        u[at + 7] as number,
        u[at + 8] as number,
        u[at + 9] as number,
        u[at + 10] as number,
        u[at + 11] as number,
        u[at + 12] as number,
        u[at + 13] as number,
        u[at + 14] as number,
      );
    case 16:
      return fromCharCode(
        u[at] as number,
        u[at + 1] as number,
        u[at + 2] as number,
        u[at + 3] as number,
        u[at + 4] as number,
        u[at + 5] as number,
        u[at + 6] as number,
        u[at + 7] as number,
        u[at + 8] as number,
        u[at + 9] as number,
        u[at + 10] as number,
        u[at + 11] as number,
        u[at + 12] as number,
        u[at + 13] as number,
        u[at + 14] as number,
        u[at + 15] as number,
      );
    default:
      return '';
  }
}
