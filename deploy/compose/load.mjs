/**
 * `node load.mjs DIRECTORY URL`: puts the resources of a directory into the etcd at URL, where Calico would put them.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';

/** Key and value that Calico's etcd has for a resource. */
function entryOf(resource) {
  const { apiVersion, kind, metadata, spec } = resource;
  if (kind === 'BlockAffinity') {
    const family = spec.cidr.includes(':') ? 'ipv6' : 'ipv4';
    return [
      `/calico/ipam/v2/host/${spec.node}/${family}/block/${spec.cidr.replace('/', '-')}`,
      { state: spec.state, deleted: 'false' },
    ];
  }
  const [group] = apiVersion.split('/');
  return [`/calico/resources/v3/${group}/${kind.toLowerCase()}s/${metadata.name}`, resource];
}

async function put(url, key, value) {
  const base64 = (text) => Buffer.from(text).toString('base64');
  const body = JSON.stringify({ key: base64(key), value: base64(JSON.stringify(value)) });
  const answer = await fetch(`${url}/v3/kv/put`, { method: 'POST', body });
  if (!answer.ok) throw new Error(`etcd refuses ${key}: ${await answer.text()}`);
  process.stdout.write(`${key}\n`);
}

const [directory, url] = process.argv.slice(2);
const texts = readdirSync(directory).map((name) => readFileSync(join(directory, name), 'utf8'));
const resources = texts.flatMap((text) => parseAllDocuments(text).map((document) => document.toJS()));
for (const resource of resources) await put(url, ...entryOf(resource));
