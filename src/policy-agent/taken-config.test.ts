import { expect, it } from 'vitest';
import { compareConfigs } from '../process/config-comparison.ts';
import { loadConfig } from '../process/config.ts';
import { RELOAD_SCOPE, takenConfig } from './taken-config.ts';

function configOf(environment: Readonly<Record<string, string>>) {
  return loadConfig({ environment, hostName: 'host-1' });
}

it('takes what is about policies while it runs, and leaves the daemon what is its own', () => {
  const before = configOf({});
  const after = configOf({
    FELIX_INTERFACEPREFIX: 'tap',
    STARLING_SERVICES_LOOP_PREVENTION: 'off',
    STARLING_LOG_LEVEL: 'debug',
    STARLING_POLICY_HTTP: '127.0.0.1:1',
    STARLING_DATASTORE_FILE_PATH: '/x',
    STARLING_FIB_TABLE: '7',
    IP: '10.0.0.1',
  });
  expect(compareConfigs(before, after, RELOAD_SCOPE)).toEqual({
    now: ['services.loopPrevention', 'policy.interfacePrefix', 'log.level'],
    later: ['datastore.file.path', 'policy.http'],
  });
  expect(takenConfig(before, after)).toMatchObject({
    policy: { interfacePrefix: 'tap', http: { port: 8180 } },
    services: { loopPrevention: 'off' },
    datastore: { file: { path: '/etc/starling/resources' } },
  });
});
