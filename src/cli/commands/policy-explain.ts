import type { PolicyExplanation } from '../../api/agent-types.ts';
import { CliError } from '../cli-error.ts';
import type { CommandContext } from '../command.ts';
import { present } from '../output/present.ts';
import { renderPolicyExplanation } from '../views/policy-explanation-view.ts';

/** `starling policy explain SOURCE DESTINATION PROTOCOL [PORT]` */
export async function explainPacket(context: CommandContext): Promise<number> {
  const { client, options } = context;
  const [source, destination, protocol, port] = context.arguments as readonly (string | undefined)[];
  const query = { source, destination, protocol, ...portQuery(protocol, port), sourcePort: options.sourcePort };
  const load = (): Promise<PolicyExplanation> => client.get('/api/v1/policies/explain', query);
  const explanation = await present(context, load, (value, style) =>
    renderPolicyExplanation(value, { ...style, trail: style.wide || options.trail === true }),
  );
  if (options.expect === undefined || options.expect === explanation.verdict) return 0;
  throw new CliError(`expected: ${options.expect}; but ${explanation.words}`);
}

/** What the last argument means: a port, or `TYPE/CODE` of ICMP. */
function portQuery(protocol: string | undefined, text: string | undefined): Record<string, string | undefined> {
  const number = (value: string | undefined, what: string): string | undefined => {
    if (value === undefined || /^\d{1,5}$/.test(value)) return value;
    throw new CliError(`PORT takes ${what}, not "${text}"`, 2);
  };
  if (!/^(icmp(v6)?|1|58)$/i.test(protocol ?? '')) return { port: number(text, 'a port number') };
  const [type, code, ...rest] = text?.split('/') ?? [];
  const what = 'an ICMP type, or TYPE/CODE';
  return { icmpType: number(rest.length > 0 ? text : type, what), icmpCode: number(code, what) };
}
