import { describe, expect, it } from 'vitest';
import { clusterView } from '../resources/cluster-view.ts';
import { parseResource } from '../resources/parse-resource.ts';
import { authentication } from './authentication.ts';

type Fields = Readonly<Record<string, unknown>>;

function secret(fields: Fields, namespace?: string) {
  const metadata = { name: 'bgp', ...(namespace !== undefined && { namespace }) };
  const parsed = parseResource({ apiVersion: 'v1', kind: 'Secret', metadata, ...fields });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.resource;
}

/** What a reference to key `tor` of Secret `bgp` comes to. */
function authenticate(secrets: Parameters<typeof clusterView>[0], optional?: boolean) {
  const secretKeyRef = { name: 'bgp', key: 'tor', ...(optional !== undefined && { optional }) };
  return authentication({ secretKeyRef }, clusterView(secrets), 'routing');
}

const OTHER = secret({ stringData: { tor: 'another' } }, 'default');

describe('the password of a session', () => {
  it('is none without a reference', () => {
    expect(authentication(undefined, clusterView([OTHER]), 'routing')).toEqual({
      password: { kind: 'none' },
      note: '',
    });
  });

  it.each([
    ['base64', secret({ data: { tor: 'c2VjcmV0' } }, 'routing')],
    ['text', secret({ stringData: { tor: 'secret' } }, 'routing')],
    [
      'text, which counts more than base64',
      secret({ data: { tor: 'b2xk' }, stringData: { tor: 'secret' } }, 'routing'),
    ],
    ['a Secret without namespace', secret({ stringData: { tor: 'secret' } })],
  ])('comes from %s', (_what, resource) => {
    expect(authenticate([OTHER, resource])).toEqual({ password: { kind: 'known', value: 'secret' }, note: '' });
  });

  it('comes from the namespace rather than from a Secret without one', () => {
    const own = secret({ stringData: { tor: 'own' } }, 'routing');
    expect(authenticate([secret({ stringData: { tor: 'any' } }), own]).password).toEqual({
      kind: 'known',
      value: 'own',
    });
  });

  it.each([
    ['80 bytes', 'é'.repeat(40)],
    ['an odd shape', ' \u{feff}a"b\\c '],
  ])('may have %s', (_what, value) => {
    expect(authenticate([secret({ stringData: { tor: value } })]).password).toEqual({ kind: 'known', value });
  });

  const present = 'Key "tor" of Secret "bgp" in namespace "routing"';
  it.each([
    ['no Secret', [OTHER], 'There is no Secret "bgp" in namespace "routing". Create it, with the key "tor".'],
    ['no key', [secret({})], 'Secret "bgp" in namespace "routing" has no key "tor". Add it.'],
    [
      'a misspelt key',
      [secret({ stringData: { tro: 'x' } })],
      'Secret "bgp" in namespace "routing" has no key "tor" (did you mean "tro"?). Add it.',
    ],
    ['an empty value', [secret({ data: { tor: '' } })], `${present} is empty. Give it a value.`],
    [
      'a value that is too long',
      [secret({ stringData: { tor: `${'é'.repeat(40)}x` } })],
      `${present} has 81 bytes, and a TCP MD5 password at most 80. Shorten it on both sides.`,
    ],
    [
      'a value that is no text',
      [secret({ data: { tor: '/w==' } })],
      `${present} is no UTF-8 text. Give it a value that is.`,
    ],
  ])('holds the neighbour down for %s', (_what, secrets, why) => {
    const heldDown = `The session needs a password. ${why}`;
    expect(authenticate(secrets)).toEqual({ password: { kind: 'unavailable', why }, heldDown, note: '' });
  });

  it('may be absent where it is optional, but not wrong', () => {
    expect(authenticate([], true)).toEqual({
      password: { kind: 'none' },
      note: ' The session has no password: it is optional. There is no Secret "bgp" in namespace "routing".',
    });
    expect(authenticate([secret({})], true).password).toEqual({ kind: 'none' });
    expect(authenticate([secret({ stringData: { tor: '' } })], true).heldDown).toContain('is empty');
    expect(authenticate([secret({ stringData: { tor: 'x' } })], true).password).toEqual({ kind: 'known', value: 'x' });
  });

  it('is as it stands there, with a word about a line break at its end', () => {
    expect(authenticate([secret({ data: { tor: 'c2VjcmV0Cg==' } })])).toEqual({
      password: { kind: 'known', value: 'secret\n' },
      note: ` ${present} ends with a line break, which is part of the password.`,
    });
  });
});
