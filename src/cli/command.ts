/** What a command of `starling` is: a row of the table that the parser, the help and the completions are made from. */
import type { ApiClient, ServiceName } from './api-client.ts';
import type { CliIo } from './io.ts';

/** Options of all commands, as the parser gives them. */
export interface CommandOptions {
  readonly output?: 'table' | 'wide' | 'json' | 'yaml';
  readonly watch?: true;
  readonly interval?: string;
  /** False with `--no-headers`. */
  readonly headers?: boolean;
  readonly expect?: 'established' | 'advertised' | 'allow' | 'deny';
  readonly soft?: 'in' | 'out';
  readonly message?: string;
  readonly family?: 'ipv4' | 'ipv6';
  readonly peer?: string;
  readonly received?: true;
  readonly accepted?: true;
  readonly rejected?: true;
  readonly advertised?: true;
  readonly notAdvertised?: true;
  readonly namespace?: string;
  readonly longer?: true;
  readonly shorter?: true;
  readonly why?: true;
  readonly nextHop?: string;
  readonly origin?: 'igp' | 'egp' | 'incomplete';
  readonly asPath?: string;
  readonly med?: string;
  readonly localPref?: string;
  readonly community?: readonly string[];
  readonly largeCommunity?: readonly string[];
  readonly config?: string;
  readonly whole?: true;
  readonly follow?: true;
  readonly forGood?: true;
  readonly wait?: string;
  readonly yes?: true;
  readonly sourcePort?: string;
  readonly trail?: true;
  readonly all?: true;
}

export interface CommandContext {
  readonly io: CliIo;
  readonly client: ApiClient;
  /** Positional arguments; an optional one that is not given is absent. */
  readonly arguments: readonly string[];
  readonly options: CommandOptions;
}

export interface ArgumentRow {
  readonly name: string;
  readonly description: string;
  readonly optional?: true;
  readonly choices?: readonly string[];
}

export interface OptionRow {
  /** Without dashes. */
  readonly name: string;
  readonly short?: string;
  /** Placeholder of the value; absent for a switch. */
  readonly value?: string;
  readonly description: string;
  readonly choices?: readonly string[];
  /** May be given several times. */
  readonly repeatable?: true;
  /** Names of options it can't be given with. */
  readonly conflicts?: readonly string[];
  /** Of an option of all commands: only those that ask this service take it. */
  readonly only?: ServiceName;
}

export interface CommandRow {
  /** `peer list`, or a single word. */
  readonly name: string;
  readonly summary: string;
  readonly arguments?: readonly ArgumentRow[];
  readonly options?: readonly OptionRow[];
  /** Who is asked; absent: the daemon. */
  readonly service?: ServiceName;
  /** Does the work and returns the exit code. Loads its code only then, so that starting stays quick. */
  readonly run: (context: CommandContext) => Promise<number>;
}
