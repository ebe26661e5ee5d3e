import { describe, expect, it } from 'vitest';
import { discoverEndpoints, parseEndpoint } from './endpoints.ts';

describe('an endpoint', () => {
  it.each([
    ['https://10.0.0.1:2379', 'https://10.0.0.1:2379', 'ipv4:10.0.0.1:2379', true],
    ['http://10.0.0.1', 'http://10.0.0.1:2379', 'ipv4:10.0.0.1:2379', false],
    ['https://etcd.example:443/', 'https://etcd.example:443', 'dns:etcd.example:443', true],
    ['https://[fd00::1]:2380', 'https://[fd00::1]:2380', 'ipv6:[fd00::1]:2380', true],
    ['etcd-0:2379', 'http://etcd-0:2379', 'dns:etcd-0:2379', false],
  ])('%s is read', (text, url, target, tls) => {
    expect(parseEndpoint(text)).toMatchObject({ url, target, tls });
  });

  it.each(['', 'ftp://10.0.0.1', 'http://', 'https://10.0.0.1:99999', 'a b'])('%j is none', (text) => {
    expect(() => parseEndpoint(text)).toThrow(/is no endpoint; one looks like https:\/\/10\.0\.0\.1:2379$/);
  });
});

describe('discovery', () => {
  const notFound = Object.assign(new Error('queryDns ENOTFOUND'), { code: 'ENOTFOUND' });
  const dns = (records: Readonly<Record<string, { name: string; port: number }[]>>) => async (name: string) => {
    if (!Object.hasOwn(records, name)) throw notFound;
    return records[name];
  };
  const record = { name: 'etcd-0.example', port: 2379 };

  it('prefers records for TLS', async () => {
    const resolve = dns({ '_etcd-client-ssl._tcp.example': [record], '_etcd-client._tcp.example': [record] });
    const found = await discoverEndpoints('example', resolve);
    expect(found.map(({ url }) => url)).toEqual(['https://etcd-0.example:2379']);
  });

  it('takes those without it', async () => {
    const found = await discoverEndpoints('example', dns({ '_etcd-client._tcp.example': [record] }));
    expect(found.map(({ url }) => url)).toEqual(['http://etcd-0.example:2379']);
  });

  it('says what is missing', async () => {
    await expect(discoverEndpoints('example', dns({}))).rejects.toThrow(
      'datastore.etcd.discoverySrv: DNS has no SRV records _etcd-client-ssl._tcp.example or _etcd-client._tcp.example',
    );
    const silent = () => Promise.reject(new Error('queryDns ETIMEOUT'));
    await expect(discoverEndpoints('example', silent)).rejects.toThrow(/DNS does not answer for _etcd-client-ssl/);
  });
});
