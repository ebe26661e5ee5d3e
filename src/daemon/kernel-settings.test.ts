import { describe, expect, it } from 'vitest';
import type { Family } from '../net/family.ts';
import { EventLog } from '../process/event-log.ts';
import { KernelSettings } from './kernel-settings.ts';

const IPV4: ReadonlySet<Family> = new Set<Family>([0]);
const FORWARD = '/proc/sys/net/ipv4/ip_forward';

/** Settings in memory, and what is told of them. */
function kernel(mode: 'check' | 'manage', values: Record<string, string> = { [FORWARD]: '0' }) {
  const events = new EventLog(() => 0);
  const files = {
    read: (path: string) => {
      if (values[path] === undefined) throw new Error('ENOENT');
      return values[path];
    },
    write: (path: string, text: string) => {
      if (values.readOnly !== undefined) throw new Error('EROFS: read-only file system');
      values[path] = text;
    },
  };
  const words = () => events.after(0).map(({ subject, words }) => `${subject}: ${words}`);
  return { settings: new KernelSettings(mode, events, files), values, words };
}

describe('settings of the kernel', () => {
  it('are only told of, once, unless they are to be managed', () => {
    const { settings, values, words } = kernel('check');
    settings.apply(IPV4);
    settings.apply(IPV4);
    expect(words()).toHaveLength(1);
    expect(settings.problems).toEqual([
      'net.ipv4.ip_forward is 0, so IPv4 packets are not forwarded to learned routes; set it to 1',
    ]);
    expect(values[FORWARD]).toBe('0');
    values[FORWARD] = '1';
    expect(settings.problems).toEqual([]);
  });

  it('are set once where they are to be managed', () => {
    const { settings, values, words } = kernel('manage');
    settings.apply(IPV4);
    expect(values[FORWARD]).toBe('1');
    values[FORWARD] = '0';
    settings.apply(IPV4);
    expect(words()).toEqual(['net.ipv4.ip_forward: net.ipv4.ip_forward set from 0 to 1']);
    expect(settings.problems).toHaveLength(1);
  });

  it('say why they can not be set', () => {
    const { settings, words } = kernel('manage', { [FORWARD]: '0', readOnly: '' });
    settings.apply(IPV4);
    expect(words()[0]).toContain('setting it failed: EROFS');
    expect(settings.problems[0]).toContain('(setting it failed: EROFS: read-only file system)');
  });

  it('are set when the configuration comes to say so', () => {
    const { settings, values } = kernel('check');
    settings.apply(IPV4);
    settings.change('manage');
    expect(values[FORWARD]).toBe('1');
  });
});
