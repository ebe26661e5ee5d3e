/** Wireshark's reading of BGP messages, by way of text2pcap and tshark. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Programs that {@link dissect} runs. */
export const TSHARK_PROGRAMS = ['text2pcap', 'tshark'];

/** Values by field name, e.g. `bgp.type`, as text, in the order in which they stand in the message. */
export type Fields = Readonly<Record<string, readonly string[]>>;

/** What tshark reads in each of `messages`, whose AS numbers have `asLength` octets: nothing in a message tells it. */
export function dissect(messages: readonly Uint8Array[], asLength: 2 | 4 = 4): Fields[] {
  const folder = mkdtempSync(join(tmpdir(), 'starling-tshark-'));
  try {
    const dump = join(folder, 'messages.txt');
    const capture = join(folder, 'messages.pcap');
    writeFileSync(dump, messages.map(hexDump).join('\n'));
    execFileSync('text2pcap', ['-q', '-T', '40000,179', dump, capture], { stdio: 'ignore' });
    const args = [
      '-r',
      capture,
      '-o',
      `bgp.asn_len:${asLength} octet`,
      '-T',
      'json',
      '--no-duplicate-keys',
      '-J',
      'bgp',
      '-n',
    ];
    const json = execFileSync('tshark', args, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      maxBuffer: 1e9,
    });
    const packets = JSON.parse(json) as { readonly _source: { readonly layers: Readonly<Record<string, unknown>> } }[];
    return packets.map(({ _source }) => flatten(_source.layers));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** One packet as text2pcap reads it: offset and up to 16 bytes a line. */
function hexDump(message: Uint8Array): string {
  let text = '';
  for (let at = 0; at < message.length; at += 16) {
    const bytes = Array.from(message.subarray(at, at + 16), (byte) => byte.toString(16).padStart(2, '0'));
    text += `${at.toString(16).padStart(6, '0')} ${bytes.join(' ')}\n`;
  }
  return text;
}

function flatten(layers: unknown): Fields {
  const fields: Record<string, string[]> = {};
  const visit = (value: unknown, name: string): void => {
    if (typeof value === 'string') (fields[name] ??= []).push(value);
    else if (Array.isArray(value)) for (const item of value) visit(item, name);
    else if (typeof value === 'object' && value !== null)
      for (const [key, item] of Object.entries(value)) visit(item, key);
  };
  visit(layers, '');
  return fields;
}
