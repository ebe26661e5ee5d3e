import { describe, expect, it } from 'vitest';
import { nodeTooOld, packagesInstalled } from './setup.mjs';

describe('packagesInstalled', () => {
  const wanted = {
    packages: {
      '': {},
      'node_modules/a': { version: '1.0.0' },
      'node_modules/b-arm': { version: '2.0.0', optional: true },
    },
  };

  it('is satisfied without the optional packages of other platforms', () => {
    expect(packagesInstalled(wanted, { packages: { 'node_modules/a': { version: '1.0.0' } } })).toBe(true);
  });

  it('sees a missing package and one of another version', () => {
    expect(packagesInstalled(wanted, { packages: {} })).toBe(false);
    expect(packagesInstalled(wanted, { packages: { 'node_modules/a': { version: '1.0.1' } } })).toBe(false);
  });
});

describe('nodeTooOld', () => {
  it('takes what package.json asks for, and newer', () => {
    expect(['20.19.0', '20.20.2', '22.1.0', '100.0.0'].map((version) => nodeTooOld(version))).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('says what to install instead of an older one', () => {
    expect(nodeTooOld('20.18.9')).toBe('Node 20.18.9 is too old: install Node 20.19 or newer');
    expect(nodeTooOld('18.20.0')).toContain('too old');
  });
});
