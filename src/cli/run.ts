/** From the command line to a command and its exit code. */
import { readFileSync } from 'node:fs';
import { Argument, Command, CommanderError, Option } from 'commander';
import { ApiClient, SERVICES } from './api-client.ts';
import type { ApiTarget, ServiceName } from './api-client.ts';
import { CliError } from './cli-error.ts';
import type { CommandOptions, CommandRow, OptionRow } from './command.ts';
import { COMMANDS, GLOBAL_OPTIONS, globalOptionsOf, NOUNS } from './command-table.ts';
import type { CliIo } from './io.ts';

/** Exit code of a process that Ctrl-C ended. */
const INTERRUPTED = 130;

interface GlobalOptions {
  readonly socket?: string;
  readonly host?: string;
  /** Of the policy agent. */
  readonly policySocket?: string;
}

/** Runs `starling` with these arguments (without the program's name). Returns the exit code; never throws. */
export async function run(argv: readonly string[], io: CliIo): Promise<number> {
  let exitCode = 0;
  try {
    const program = createProgram(io, async (row, given, options) => {
      const service = row.service ?? 'daemon';
      const client = new ApiClient(service, targetOf(service, options, io.environment), io.signal);
      exitCode = await row.run({ io, client, arguments: given, options });
    });
    await program.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    exitCode = failureCode(error, io);
  }
  return exitCode;
}

function failureCode(error: unknown, io: CliIo): number {
  // Help and version come this way too; the parser has written them, or what was wrong, already.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (io.signal.aborted) return INTERRUPTED;
  if (error instanceof CliError) {
    io.writeError(`starling: ${error.message}\n`);
    return error.exitCode;
  }
  io.writeError(`starling: this is a defect of starling: ${error instanceof Error ? error.stack : String(error)}\n`);
  return 1;
}

type Execute = (row: CommandRow, given: readonly string[], options: CommandOptions & GlobalOptions) => Promise<void>;

function createProgram(io: CliIo, execute: Execute): Command {
  const program = new Command('starling')
    .description('Looks at and steers starlingd, the BGP daemon of this node, and starling-policyd, its policy agent.')
    .version(readVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand(false)
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false })
    .configureOutput({
      writeOut: (text) => void io.write(text),
      writeErr: (text) => io.writeError(text),
      outputError: (text, write) => write(text.replace(/^error: /, 'starling: ')),
    })
    .showHelpAfterError('(--help says what there is)')
    .exitOverride();
  for (const option of GLOBAL_OPTIONS) program.addOption(toOption(option));
  const nouns = new Map<string, Command>();
  for (const row of COMMANDS) {
    const [first, verb] = row.name.split(' ');
    if (verb === undefined) {
      addCommand(program, first, row, execute);
      continue;
    }
    let noun = nouns.get(first);
    if (noun === undefined) {
      noun = program.command(first).description(NOUNS[first]).helpCommand(false);
      hideRefusedOptions(noun);
      nouns.set(first, noun);
    }
    addCommand(noun, verb, row, execute);
  }
  return program;
}

/** Has the help of a noun and its commands leave out options that none of them takes. */
function hideRefusedOptions(noun: Command): void {
  const taken = globalOptionsOf(noun.name());
  const refused = GLOBAL_OPTIONS.filter((option) => !taken.includes(option)).map(({ name }) => `--${name}`);
  const help = noun.createHelp();
  noun.configureHelp({
    ...noun.configureHelp(),
    visibleGlobalOptions: (command) =>
      help.visibleGlobalOptions(command).filter(({ long }) => !refused.includes(long ?? '')),
  });
}

function addCommand(parent: Command, name: string, row: CommandRow, execute: Execute): void {
  const command = parent.command(name).description(row.summary).allowExcessArguments(false);
  for (const { name, description, optional, choices } of row.arguments ?? []) {
    const argument = new Argument(optional ? `[${name}]` : `<${name}>`, description);
    command.addArgument(choices === undefined ? argument : argument.choices(choices));
  }
  for (const option of row.options ?? []) command.addOption(toOption(option));
  command.action(async () => execute(row, command.args, command.optsWithGlobals()));
}

function toOption({ name, short, value, description, choices, repeatable, conflicts }: OptionRow): Option {
  const placeholder = value === undefined ? '' : ` <${value}>`;
  const option = new Option(`${short === undefined ? '' : `-${short}, `}--${name}${placeholder}`, description);
  if (choices !== undefined) option.choices(choices);
  if (conflicts !== undefined) option.conflicts([...conflicts]);
  if (repeatable) option.argParser<string[] | undefined>((text, previous) => [...(previous ?? []), text]);
  return option;
}

function targetOf(service: ServiceName, options: GlobalOptions, environment: CliIo['environment']): ApiTarget {
  const { socket, policySocket, host } = options;
  if (service === 'agent' && socket !== undefined) {
    throw new CliError('--socket names the socket of starlingd; that of the policy agent is --policy-socket', 2);
  }
  // The parser looks for conflicts among options of one level only.
  if (policySocket !== undefined && host !== undefined) {
    throw new CliError("option '--host <URL>' cannot be used with option '--policy-socket <PATH>'", 2);
  }
  const { environmentVariable, defaultSocket, exampleUrl } = SERVICES[service];
  if (host === undefined)
    return { socket: policySocket ?? socket ?? (environment[environmentVariable] || defaultSocket) };
  const text = host.includes('://') ? host : `http://${host}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return { url };
  throw new CliError(`--host takes a URL like ${exampleUrl}, not "${host}"`, 2);
}

function readVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
