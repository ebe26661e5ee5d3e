/** What is reported of ServiceAdvertisements that do not do what they seem to say. */
import { describe, expect, it } from 'vitest';
import { advertisement, advertiserOf, node } from '../../test/support/service-cluster.ts';

/** Those of ServiceAdvertisements r0, r1, … on a node in a zone. */
const problemsOf = (rules: readonly object[]) =>
  advertiserOf([
    node('node-1', { 'topology.kubernetes.io/zone': 'a' }),
    ...rules.map((rule, i) => advertisement(`r${i}`, rule)),
  ]).problems;

describe('problems', () => {
  it('are external IPs without ranges, and nodes without zone', () => {
    const rules = [{ addresses: ['ExternalIP'] }, { scope: 'Zone', topologyKey: 'row', others: 'Backup' }];
    expect(problemsOf(rules)).toEqual([
      {
        resource: 'ServiceAdvertisement r0',
        field: 'addresses',
        message:
          'External IPs are advertised inside serviceExternalIPs of BGPConfiguration "default" only, and there are none: add the ranges that people may take external IPs from.',
      },
      {
        resource: 'ServiceAdvertisement r1',
        field: 'scope',
        message: 'This node has no label "row", so it is in no zone and advertises only as a backup. Label it.',
      },
    ]);
    const fine = [{ addresses: ['ClusterIP'] }, { scope: 'Zone' }, { scope: 'Node', others: 'Backup' }];
    expect(problemsOf(fine)).toEqual([]);
  });

  it.each([
    [{ scope: 'Zone', others: 'Withdraw' }],
    [{ scope: 'Node', others: 'Withdraw', peerSelector: 'has(a)' }],
    [{ scope: 'Node', others: 'Withdraw', serviceSelector: "app == 'a'" }],
    [{ scope: 'Node', others: 'Withdraw', namespaceSelector: "team == 'a'" }],
    [{ scope: 'Node', others: 'Backup' }],
    [{}],
  ])('are no contradictions of what is about something else, or says the same: %j', (other) => {
    expect(problemsOf([{ scope: 'Node', others: 'Backup' }, other])).toEqual([]);
  });

  it('are contradictions also where one says nothing, which is Withdraw', () => {
    expect(problemsOf([{ scope: 'Node', others: 'Backup' }, { scope: 'Node' }])).toMatchObject([
      {
        resource: 'ServiceAdvertisement r0',
        field: 'others',
        message: expect.stringContaining('ServiceAdvertisement "r1" has others Withdraw (as without it) for the same'),
      },
    ]);
  });

  it.each<[object, string | undefined]>([
    [{}, undefined],
    [{ backup: { localPreference: 99, prepend: 0, med: 1 } }, undefined],
    [{ localPreference: 200, med: 7, prepend: 2, backup: { localPreference: 199, prepend: 3, med: 0 } }, undefined],
    [
      { backup: { localPreference: 100 } },
      'Backups have LOCAL_PREF 100, other routes 100: in the same AS, backups take traffic all the time. Give them a lower one.',
    ],
    [
      { localPreference: 0 },
      'Backups have LOCAL_PREF 0, other routes 0: in the same AS, backups take traffic all the time. Give them a lower one.',
    ],
    [
      { prepend: 2, backup: { prepend: 1 } },
      'Backups have prepend 1 and MED 100, other routes prepend 2 and MED 0: in other ASes, backups take traffic all the time. Give them a greater one.',
    ],
    [
      { med: 5, backup: { prepend: 0, med: 5 } },
      'Backups have prepend 0 and MED 5, other routes prepend 0 and MED 5: in other ASes, backups take traffic all the time. Give them a greater one.',
    ],
  ])('are backups that are no worse than others: %j', (spec, message) => {
    const messages = (rule: object) => problemsOf([rule]).map((problem) => problem.message);
    const expected = message === undefined ? [] : [message];
    expect(messages({ ...spec, scope: 'Node', others: 'Backup' })).toEqual(expected);
    expect(messages(spec)).toEqual('backup' in spec ? expected : []);
    expect(messages({ ...spec, scope: 'Node' })).toEqual([]);
  });
});
