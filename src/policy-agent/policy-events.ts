/** What a person wants to know of policies and endpoints, told when the kernel has it. */
import type { Endpoint } from '../policy/endpoint.ts';
import type { ModelChanges } from '../policy/model.ts';
import type { Policy } from '../policy/policy.ts';

/** Where more than these come or go at once, their number is told. */
const NAMED = 20;

export interface PolicyEventsOptions {
  readonly add: (type: 'policy' | 'endpoint', subject: string, words: string) => void;
  readonly node: string;
  /** As the index has it now. */
  readonly endpoint: (key: string) => Endpoint | undefined;
}

/** Something of which an event tells. */
interface News {
  readonly subject: string;
  readonly words: string;
}

export class PolicyEvents {
  private readonly options: PolicyEventsOptions;
  /** As people call them: policies by key, endpoints by interface. */
  private readonly policies = new Map<string, string>();
  private readonly endpoints = new Map<string, string>();
  private isFirst = true;

  constructor(options: PolicyEventsOptions) {
    this.options = options;
  }

  /** The kernel has these changes. */
  inForce(changes: ModelChanges): void {
    const endpoints = this.endpointNews(changes);
    const policies = this.policyNews(changes);
    if (this.isFirst) {
      this.isFirst = false;
      const workloads = count(changes.workloads.size, 'workload');
      const hosts = count(changes.hosts.size, 'HostEndpoint');
      const words = `in force: ${count(policies.length, 'policy', 'policies')} for ${workloads} and ${hosts} of this node`;
      return this.options.add('policy', this.options.node, words);
    }
    this.tell('endpoint', endpoints, 'endpoints came, changed or went');
    this.tell('policy', policies, 'policies came into force, changed or went');
  }

  private tell(type: 'policy' | 'endpoint', news: readonly News[], words: string): void {
    if (news.length > NAMED) this.options.add(type, this.options.node, `${news.length} ${words}`);
    else for (const { subject, words: own } of news) this.options.add(type, subject, own);
  }

  private policyNews({ policies }: ModelChanges): News[] {
    return Array.from(policies, ([key, policy]) => {
      const before = this.policies.get(key);
      if (policy === undefined) this.policies.delete(key);
      else this.policies.set(key, nameOf(policy));
      const subject = policy === undefined ? (before ?? key) : nameOf(policy);
      if (policy === undefined) return { subject, words: 'no longer in force on this node' };
      if (before !== undefined) return { subject, words: 'changed, and in force as it is now' };
      return { subject, words: `in force for endpoints of this node, in tier ${policy.tier}` };
    });
  }

  private endpointNews({ workloads, hosts }: ModelChanges): News[] {
    const news: News[] = [];
    for (const [name, local] of [...workloads, ...hosts]) {
      const before = this.endpoints.get(name);
      if (local === undefined) {
        this.endpoints.delete(name);
        news.push({ subject: before ?? name, words: `gone from ${name}` });
        continue;
      }
      const subject = this.options.endpoint(local.endpoint)?.name ?? local.endpoint;
      this.endpoints.set(name, subject);
      // That other policies are for it is told by these.
      if (subject !== before) news.push({ subject, words: `policies for it are in force at ${name}` });
    }
    return news;
  }
}

function nameOf({ kind, namespace, name }: Policy): string {
  return `${kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`;
}

function count(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`;
}
