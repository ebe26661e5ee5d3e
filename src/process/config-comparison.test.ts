import { expect, it } from 'vitest';
import { compareConfigs } from './config-comparison.ts';
import { loadConfig } from './config.ts';

function configOf(environment: Readonly<Record<string, string>>) {
  return loadConfig({ environment, hostName: 'host-1' });
}

it('finds no difference between equal configurations', () => {
  expect(compareConfigs(configOf({}), configOf({}), { taken: [], ignored: [] })).toEqual({ now: [], later: [] });
});

it('tells what a running daemon takes from what has to wait', () => {
  const changed = configOf({
    STARLING_LOG_LEVEL: 'debug',
    STARLING_MULTIPATH_RELAX: 'false',
    STARLING_SERVICES_GUARD_HOLD_TIME: '20',
    STARLING_CALICO_COMPATIBLE: 'strict',
    NODENAME: 'other',
    STARLING_API_HTTP: '',
    STARLING_POLICY_HTTP: '',
  });
  const before = configOf({ STARLING_API_HTTP: '127.0.0.1:1' });
  const taken = ['log.', 'services.', 'calicoCompatible', 'bestPath.'];
  expect(compareConfigs(before, changed, { taken, ignored: ['policy.'] })).toEqual({
    now: ['services.guard.holdTime', 'calicoCompatible', 'bestPath.multipathRelax', 'log.level'],
    later: ['nodeName', 'api.http'],
  });
});
