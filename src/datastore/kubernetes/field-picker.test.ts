import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isJsonObject } from '../../resources/resource.ts';
import { FieldPicker } from './field-picker.ts';
import type { Fields } from './field-picker.ts';

const FIELDS: Fields = { a: true, b: { c: true, 'd"é': { a: true } }, c: {} };
const picker = new FieldPicker(FIELDS);

/** What should be left of a value. */
function left(value: unknown, fields: true | Fields): unknown {
  if (fields === true) return value;
  if (Array.isArray(value)) return value.map((item) => left(item, fields));
  if (!isJsonObject(value)) return value;
  const kept = Object.entries(value).filter(([name]) => Object.hasOwn(fields, name) && isPlain(name));
  return Object.fromEntries(kept.map(([name, item]) => [name, left(item, fields[name])]));
}

/** A name with signs that are escaped is not looked for. */
const isPlain = (name: string) => JSON.stringify(name) === `"${name}"`;

const { value: anything } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.constantFrom('"', '\\', '{', ']', 'a'),
      fc.integer(),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.boolean(),
      fc.constant(null),
    ),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd"é', 'e', 'aa'), tie('value'), {
      maxKeys: 4,
      noNullPrototype: true,
    }),
  ),
}));

describe('a value of which only some fields are wanted', () => {
  it('keeps these, and nothing else', () => {
    fc.assert(
      fc.property(anything, fc.nat(2), (value, space) => {
        const json = Buffer.from(JSON.stringify(value, null, space));
        expect(JSON.parse(picker.pick(json))).toEqual(JSON.parse(JSON.stringify(left(value, FIELDS))));
      }),
      { numRuns: 500 },
    );
  });

  it('comes to an end where it is cut off or is no JSON', () => {
    fc.assert(
      fc.property(anything, fc.nat(100), fc.nat(100), (value, cut, change) => {
        const json = Buffer.from(JSON.stringify({ b: value, c: [value] }));
        json[change % json.length] = 0x22;
        expect(picker.pick(json.subarray(0, cut % (json.length + 1))).length).toBeLessThan(1e6);
      }),
      { numRuns: 500 },
    );
  });
});
