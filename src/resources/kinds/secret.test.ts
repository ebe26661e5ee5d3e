import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseResource } from '../parse-resource.ts';
import { secretValue } from './secret.ts';

type Fields = Readonly<Record<string, unknown>>;

function parse(fields: Fields) {
  return parseResource({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'bgp' }, ...fields });
}

function read(fields: Fields) {
  const parsed = parse(fields);
  expect(parsed.problems).toEqual([]);
  if (!parsed.ok || parsed.resource.kind !== 'Secret') throw new Error('not read');
  return parsed.resource;
}

function valueOf(fields: Fields, key = 'key') {
  const bytes = secretValue(read(fields), key);
  return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
}

function problemsOf(fields: Fields): string[] {
  return parse(fields).problems.map(({ severity, path, message }) => `${severity} ${path.join('.')}: ${message}`);
}

describe('Secret', () => {
  it('has values as base64 or as text', () => {
    expect(valueOf({ type: 'Opaque', immutable: true, data: { key: 'c2VjcmV0' } })).toBe('secret');
    expect(valueOf({ stringData: { key: 'secret' } })).toBe('secret');
    expect(valueOf({ data: { key: 'b2xk' }, stringData: { key: 'new' } })).toBe('new');
    expect(valueOf({ data: { key: '' } })).toBe('');
    expect(valueOf({ data: { key: 'c2Vj\ncmV0\n' } })).toBe('secret');
  });

  it('has no value at a key that is absent or null', () => {
    expect(valueOf({})).toBeUndefined();
    expect(valueOf({ data: null, stringData: { key: null } })).toBeUndefined();
    expect(valueOf({ data: { key: 'c2VjcmV0' } }, 'toString')).toBeUndefined();
  });

  it('keeps any bytes, also when it is read again', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.string({ unit: 'grapheme' }), (bytes, text) => {
        const secret = read({ data: { key: Buffer.from(bytes).toString('base64') }, stringData: { other: text } });
        expect(secretValue(secret, 'key')).toEqual(bytes);
        const again = read(JSON.parse(JSON.stringify(secret)) as Fields);
        expect(again).toEqual(secret);
        expect(new TextDecoder('utf-8', { ignoreBOM: true }).decode(secretValue(again, 'other'))).toBe(text);
      }),
      { numRuns: 50 },
    );
  });

  it.each<[Fields, string]>([
    [{ data: { key: 'hunter2!' } }, 'error data.key: must be base64; a value as it is goes into stringData'],
    [{ data: { key: 'hunter2' } }, 'error data.key: must be base64; a value as it is goes into stringData'],
    [{ data: { key: 8472 } }, 'error data.key: must be base64; a value as it is goes into stringData'],
    [
      { stringData: { key: 8472 } },
      'error stringData.key: must be a text; a number, true or false as a value needs quotes',
    ],
    [{ data: 'hunter2' }, 'error data: must be a group of fields, a key and its value each'],
    [{ stringData: ['hunter2'] }, 'error stringData: must be a group of fields, a key and its value each'],
    [
      { stringdata: { key: 'hunter2' } },
      'warning stringdata: is not a known field (did you mean "stringData"?); ignored',
    ],
  ])('%j: %s', (fields, problem) => {
    expect(problemsOf(fields)).toEqual([problem]);
  });
});

describe('a reference to a Secret', () => {
  const peer = (password: unknown) =>
    parseResource({
      apiVersion: 'projectcalico.org/v3',
      kind: 'BGPPeer',
      metadata: { name: 'tor' },
      spec: { peerIP: '192.0.2.1', asNumber: 64513, password },
    }).problems.map(({ severity, path, message }) => `${severity} ${path.join('.')}: ${message}`);

  it('is not quoted where it is the password itself', () => {
    const words = 'error spec.password: must be {secretKeyRef: {name, key}}: the password itself stands in a Secret';
    expect(peer('hunter2')).toEqual([words]);
    expect(peer(8472)).toEqual([words]);
    expect(peer({ secretKeyRef: 'hunter2' })).toEqual([words]);
  });

  it('names what is missing or unknown in it', () => {
    expect(peer({ secretKeyRef: { name: 'bgp', key: 'tor', optionl: true } })).toEqual([
      'warning spec.password.secretKeyRef.optionl: is not a known field (did you mean "optional"?); ignored',
    ]);
    expect(peer({ secretKeyRef: { name: 'bgp' } })).toEqual(['error spec.password.secretKeyRef.key: is required']);
    expect(peer({})).toEqual(['error spec.password.secretKeyRef: is required']);
  });
});
