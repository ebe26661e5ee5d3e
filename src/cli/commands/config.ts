import { access } from 'node:fs/promises';
import { hostname } from 'node:os';
import { ConfigError, loadConfig } from '../../process/config.ts';
import type { Config } from '../../process/config.ts';
import { desiredState } from '../../daemon/desired-state.ts';
import { configuredView } from '../../daemon/own-node.ts';
import type { SourcedProblem } from '../../datastore/datastore.ts';
import { DatastoreError } from '../../datastore/datastore-error.ts';
import { loadResources } from '../../datastore/load-resources.ts';
import { PolicyEngine } from '../../policy/policy-engine.ts';
import { policyOverrides } from '../../policy-agent/policy-overrides.ts';
import { policyProblem } from '../../policy-agent/resource-problems.ts';
import { clusterView } from '../../resources/cluster-view.ts';
import type { AnyResource } from '../../resources/kinds.ts';
import type { CommandContext } from '../command.ts';
import { present } from '../output/present.ts';
import { renderValidation } from '../views/validation-view.ts';
import type { Finding, Validation } from '../views/validation-view.ts';

const DEFAULT_CONFIG = '/etc/starling/starlingd.yaml';

/** `starling config validate [PATH]` */
export async function validateConfig(context: CommandContext): Promise<number> {
  const validation = await present(context, () => validate(context), renderValidation);
  return validation.valid ? 0 : 2;
}

async function validate(context: CommandContext): Promise<Validation> {
  const [path] = context.arguments;
  if (path !== undefined) return resourcesOnly(path);
  const file = context.options.config ?? ((await exists(DEFAULT_CONFIG)) ? DEFAULT_CONFIG : undefined);
  const checked = [file ?? 'defaults and environment variables'];
  let config: Config;
  try {
    const { environment } = context.io;
    config = loadConfig({ ...(file === undefined ? {} : { path: file }), environment, hostName: hostname() });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return result(
      checked,
      0,
      error.problems.map(({ where, field, message }) => finding(where, `${field} ${message}`.trim())),
    );
  }
  return withNode(config, checked);
}

async function resourcesOnly(path: string, checked: readonly string[] = []): Promise<Validation> {
  const all = [...checked, path];
  try {
    const { resources, problems } = await loadResources(path);
    return result(all, resources.length, problems.map(fromProblem));
  } catch (error) {
    return result(all, 0, [unreadable(path, error)]);
  }
}

/** The resources that the configuration points at, as far as they are files, and what this node makes of them. */
async function withNode(config: Config, checked: readonly string[]): Promise<Validation> {
  const { type, file, etcd } = config.datastore;
  if (type === 'etcd' && etcd.manifestsPath !== '') return resourcesOnly(etcd.manifestsPath, checked);
  if (type !== 'file') return result(checked, 0, []);
  const { path } = file;
  const all = [...checked, path];
  try {
    const { resources, problems } = await loadResources(path);
    const { nodeName: name, routerId, namespace } = config;
    const identity = { name, namespace, ...(routerId === undefined ? {} : { routerId }) };
    // What the kernel has is not looked at: the node may be another one.
    const kernel = config.fib.enabled ? { felix: config.fib.felix } : undefined;
    const desired = desiredState(configuredView(config, clusterView(resources)), identity, { workloads: [], kernel });
    const heldDown = [...desired.neighbours.values()].flatMap(({ neighbour: { key, heldDown: why } }) =>
      why === undefined ? [] : [`Peer ${key} is held down: ${why}`],
    );
    const ofNode = [...desired.problems, ...heldDown].map((message) => finding(`node ${name}`, message, 'warning'));
    return result(all, resources.length, [
      ...problems.map(fromProblem),
      ...policyFindings(config, resources),
      ...ofNode,
    ]);
  } catch (error) {
    return result(all, 0, [unreadable(path, error)]);
  }
}

/** What the policy agent of the node would say beyond what each resource says by itself. */
function policyFindings(config: Config, resources: readonly AnyResource[]): readonly Finding[] {
  const engine = new PolicyEngine({ node: config.nodeName, settings: policyOverrides(config, true) });
  engine.snapshot(resources);
  engine.take();
  return engine.problems.map(policyProblem).map(fromProblem);
}

function result(checked: readonly string[], resources: number, problems: readonly Finding[]): Validation {
  return { checked, resources, problems, valid: problems.every(({ severity }) => severity !== 'error') };
}

function finding(where: string, message: string, severity: Finding['severity'] = 'error'): Finding {
  return { where, severity, message };
}

function fromProblem({ source, message, severity }: SourcedProblem): Finding {
  return finding(source, message, severity);
}

function unreadable(path: string, error: unknown): Finding {
  if (error instanceof DatastoreError) return finding(path, error.message);
  throw error;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
