/** The forms in which an AS number may be written: a number, its digits as text, or asdot (RFC 5396), as `1.10`. */

/** Reads an AS number; undefined where the value is none. AS 0 is one here, see RFC 7607. */
export function parseAsNumber(value: number | string): number | undefined {
  if (typeof value === 'number') return isUint(value, 0xffffffff) ? value : undefined;
  if (/^\d{1,10}$/.test(value)) return isUint(Number(value), 0xffffffff) ? Number(value) : undefined;
  const parts = /^(\d{1,5})\.(\d{1,5})$/.exec(value);
  if (parts === null) return undefined;
  const [high, low] = [Number(parts[1]), Number(parts[2])];
  return isUint(high, 0xffff) && isUint(low, 0xffff) ? high * 0x10000 + low : undefined;
}

function isUint(value: number, max: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= max;
}
