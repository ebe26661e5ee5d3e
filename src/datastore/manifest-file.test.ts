import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readManifestFile } from './manifest-file.ts';
import type { ManifestFile } from './manifest-file.ts';

const peer = (name: string, spec = '{peerIP: 192.0.2.1, asNumber: 64513}') =>
  `apiVersion: projectcalico.org/v3\nkind: BGPPeer\nmetadata: {name: ${name}}\nspec: ${spec}\n`;

function placesOf({ entries }: ManifestFile): string[] {
  return entries.map(({ resource, source }) => `${source} ${resource.kind} ${resource.metadata.name}`);
}

function problemLines({ problems }: ManifestFile): string[] {
  return problems.map(({ source, severity, message }) => `${source}: ${severity}: ${message}`);
}

describe('readManifestFile', () => {
  it('reads several documents, with empty ones between', () => {
    const file = readManifestFile('a.yaml', `# first\n---\n${peer('a')}---\n---\n# nothing\n---\n${peer('b')}`);
    expect(placesOf(file)).toEqual(['a.yaml:3:1 BGPPeer a', 'a.yaml:11:1 BGPPeer b']);
    expect(file.problems).toEqual([]);
  });

  it.each(['', '# nothing', '---\n---\n', 'null'])('finds nothing in %j', (text) => {
    expect(readManifestFile('a.yaml', text)).toEqual({ entries: [], problems: [] });
  });

  it('reads JSON, lists, and lists of one kind whose items leave out what they are', () => {
    const spec = { peerIP: '192.0.2.1', asNumber: 64513 };
    const whole = { apiVersion: 'projectcalico.org/v3', kind: 'BGPPeer', metadata: { name: 'a' }, spec };
    const list = { apiVersion: 'v1', kind: 'List', items: [whole] };
    const peers = {
      apiVersion: 'projectcalico.org/v3',
      kind: 'BGPPeerList',
      items: [{ metadata: { name: 'b' }, spec }],
    };
    expect(placesOf(readManifestFile('a.json', JSON.stringify(whole, null, 2)))).toEqual(['a.json:1:1 BGPPeer a']);
    expect(placesOf(readManifestFile('a.json', JSON.stringify(list)))).toHaveLength(1);
    expect(placesOf(readManifestFile('a.json', JSON.stringify(peers)))).toHaveLength(1);
    expect(problemLines(readManifestFile('a.yaml', 'kind: List\nitems:\n- 5\n'))).toEqual([
      'a.yaml:3:3: error: must be a group of fields with apiVersion and kind',
    ]);
  });

  it.each([
    [
      peer('tor-a', '\n  peerIP: 192.0.2.1\n  asNumber: x'),
      'a.yaml:6:3: error: BGPPeer "tor-a": spec.asNumber: "x" is not an AS number (1 to 4294967295, or two parts as "1.10")',
    ],
    [
      peer('tor-a', '{peerIP: 192.0.2.1}'),
      'a.yaml:4:1: error: BGPPeer "tor-a": spec.asNumber: is required with peerIP',
    ],
    [
      peer('tor-a', '\n  peerIP: 192.0.2.1\n  asNumber: 1\n  filters:\n  - a\n  - 5'),
      'a.yaml:9:5: error: BGPPeer "tor-a": spec.filters[1]: must be a text, not 5',
    ],
    [
      'apiVersion: v1\nkind: Node\nmetadata:\n  name: a\n  annotations:\n    projectcalico.org/ASNumber: 64513\n',
      'a.yaml:6:5: error: Node "a": metadata.annotations["projectcalico.org/ASNumber"]: must be a text, not 64513',
    ],
    ['kind: BGPPeer\n', 'a.yaml:1:1: error: BGPPeer: apiVersion: is required and must be a text'],
    ['apiVersion: v1\nkind: ConfigMap\n', 'a.yaml:2:1: warning: ConfigMap: kind: ignored kind: v1 ConfigMap'],
    ['just text', 'a.yaml:1:1: error: must be a group of fields with apiVersion and kind'],
    ['a: 1\na: 2\n', 'a.yaml:2:1: error: not valid YAML: Map keys must be unique'],
    ['a: *b\n', 'a.yaml:1:1: error: not valid YAML: Unresolved alias (the anchor must be set before the alias)'],
  ])('says where the problem of %j is', (text, line) => {
    expect(problemLines(readManifestFile('a.yaml', text))).toEqual([line]);
  });

  it('bears aliases that multiply, and any nesting', () => {
    const lines = Array.from({ length: 30 }, (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i}, `.repeat(9)}]`);
    const multiplied = readManifestFile('a.yaml', `a0: &a0 [x]\n${lines.join('\n')}\n`);
    expect(problemLines(multiplied)).toEqual([expect.stringContaining('error: not valid YAML: ')]);
    expect(readManifestFile('a.json', '['.repeat(20_000)).problems).toHaveLength(1);
  });

  it('keeps what stands before a fault, or all that the file held before', () => {
    const good = readManifestFile('a.yaml', `${peer('a')}---\n${peer('b')}`);
    const broken = `${peer('a')}---\nspec: [`;
    expect(placesOf(readManifestFile('a.yaml', broken))).toEqual(['a.yaml:1:1 BGPPeer a']);
    const kept = readManifestFile('a.yaml', broken, good.entries);
    expect(kept.entries).toEqual(good.entries);
    expect(problemLines(kept)).toEqual([
      expect.stringMatching(/^a\.yaml:\d+:\d+: error: not valid YAML: .*stays in force$/),
    ]);
  });

  it('keeps the last good state of a resource that is wrong now, but not of one that is gone or ignored', () => {
    const good = readManifestFile('a.yaml', `${peer('a')}---\n${peer('b')}---\n${peer('c')}`);
    const now = `${peer('a', '{peerIP: 192.0.2.9}')}---\n${peer('c').replace('BGPPeer', 'ConfigMap')}`;
    const { entries } = readManifestFile('a.yaml', now, good.entries);
    expect(entries).toEqual([good.entries[0]]);
  });

  // What YAML takes for an anchor, an alias, a tag, an escape, …
  it.each([
    'password: *hunter2',
    'password: !hunter2 x',
    'password: !<hunter2',
    'password: !hunter2! x',
    'password: "\\hunter2"',
    'password: "\\xhunter2"',
    'password: |hunter2',
    'password: ]hunter2',
    'password: a: hunter2',
    'password: @hunter2',
    'password: "hunter2',
    'password: "a" hunter2',
    'password: &a &hunter2 x',
    'password: {hunter2',
    'password: [hunter2}',
    '%hunter2 a',
    '%TAG hunter2',
    '%YAML hunter2',
    '? hunter2\n{',
    'hunter2',
    'password: hunter2\n  a: b',
    'password: hunter2\npassword: hunter2',
    'password: 8472',
    'password: [hunter2]',
    'password: {a: hunter2}',
    '- hunter2',
  ])('does not quote what stands in a Secret: %j', (line) => {
    const secret = 'apiVersion: v1\nkind: Secret\nmetadata: {name: bgp}\nstringData:\n';
    for (const text of [`${secret}  ${line}\n`, `${secret}${line}\n`, `${line}\n---\n${secret}`]) {
      for (const { message } of readManifestFile('a.yaml', text).problems) expect(message).not.toMatch(/unter|8472/);
    }
  });

  it('never throws', () => {
    const piece = fc.constantFrom(
      'a',
      ':',
      ' ',
      '\n',
      '- ',
      '---\n',
      '{',
      '}',
      '[',
      ']',
      '&a ',
      '*a',
      '!!x ',
      '"',
      '? ',
      '|',
    );
    const text = fc.oneof(
      fc.string(),
      fc.array(piece, { maxLength: 30 }).map((pieces) => pieces.join('')),
    );
    fc.assert(
      fc.property(text, (value) => {
        expect(readManifestFile('a.yaml', value).entries).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });
});
