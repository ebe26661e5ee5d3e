import type { PolicyExplanation } from '../../api/agent-types.ts';
import { CliError } from '../cli-error.ts';
import type { CommandContext } from '../command.ts';
import { present } from '../output/present.ts';
import { renderPolicyExplanation } from '../views/policy-explanation-view.ts';

/** `starling policy explain SOURCE DESTINATION PROTOCOL [PORT]` */
export async function explainPacket(context: CommandContext): Promise<number> {
  const { client, options } = context;
  const [source, destination, protocol, port] = context.arguments as readonly (string | undefined)[];
  const sourcePort = portNumber(options.sourcePort, '--source-port');
  const query = { source, destination, protocol, ...portQuery(protocol, port), sourcePort };
  const load = (): Promise<PolicyExplanation> => client.get('/api/v1/policies/explain', query);
  const explanation = await present(context, load, (value, style) =>
    renderPolicyExplanation(value, { ...style, trail: style.wide || options.trail === true }),
  );
  if (options.expect === undefined || options.expect === explanation.verdict) return 0;
  throw new CliError(`expected: ${options.expect}; but ${explanation.words}`);
}

/** What the last argument means: a port, or `TYPE/CODE` of ICMP. */
function portQuery(protocol: string | undefined, text: string | undefined): Record<string, string | undefined> {
  if (!/^(icmp(v6)?|1|58)$/i.test(protocol ?? '')) return { port: portNumber(text, 'PORT') };
  if (text === undefined) return {};
  const [type, code, ...rest] = text.split('/');
  if (rest.length === 0 && isNumber(type, 255) && (code === undefined || isNumber(code, 255))) {
    return { icmpType: type, icmpCode: code };
  }
  throw new CliError(`PORT takes an ICMP type, or TYPE/CODE, each from 0 to 255, not "${text}"`, 2);
}

function portNumber(text: string | undefined, what: string): string | undefined {
  if (text === undefined || isNumber(text, 65_535)) return text;
  throw new CliError(`${what} takes a port number up to 65535, not "${text}"`, 2);
}

function isNumber(text: string, most: number): boolean {
  return /^\d{1,5}$/.test(text) && Number(text) <= most;
}
