import { describe, expect, it } from 'vitest';
import type {
  ServiceAddress,
  ServiceExplanation,
  ServiceRoute,
  ServiceSummary,
} from '../../advertiser/service-routes.ts';
import { ServiceLabels } from '../../advertiser/service-labels.ts';
import type { HeldWithdrawal } from '../../advertiser/withdrawal-gate.ts';
import type { ServiceAudience } from '../../api/service-types.ts';
import { PLAIN_ATTRIBUTES } from '../../bgp/messages/attributes/attributes.ts';
import { formatPrefix, parsePrefix } from '../../net/prefix.ts';
import type { OwnRoute } from '../own-routes.ts';
import { ServiceReports } from './service-report.ts';
import type { ReportedServices } from './service-report.ts';

const TOLD: ServiceAudience = {
  peer: '192.0.2.1',
  name: 'tor',
  advertised: true,
  role: 'primary',
  told: null,
  why: 'accepted',
};

function address(text: string, more: Partial<ServiceAddress> = {}): ServiceAddress {
  return {
    address: text,
    kind: 'LoadBalancerIP',
    prefix: `${text}/32`,
    coveredBy: null,
    advertised: true,
    isWaiting: false,
    role: 'primary',
    rule: 'BGPConfiguration "default"',
    words: 'One ready endpoint is here.',
    offers: [],
    ...more,
  };
}

const NOT_WANTED = { prefix: null, advertised: false, role: null, words: 'No endpoint is ready.' } as const;

function service(name: string, ...addresses: readonly ServiceAddress[]): ServiceSummary {
  return { namespace: 'shop', name, type: 'LoadBalancer', addresses };
}

function waiting(prefix: string, why: 'guard' | 'delay'): [string, HeldWithdrawal<ServiceRoute>] {
  return [prefix, { route: { prefix: parsePrefix(prefix), label: 0, service: 'shop/web' }, until: 10_000, why }];
}

class FakeAdvertiser {
  all: readonly ServiceSummary[] = [];
  routes = 0;
  /** How many summaries were worked out. */
  worked = 0;
  readonly labels = new ServiceLabels();

  *list(from = 0): Generator<ServiceSummary> {
    for (const one of this.all.slice(from)) {
      this.worked++;
      yield one;
    }
  }

  explain(namespace: string, name: string): ServiceExplanation | undefined {
    const found = this.all.find((one) => one.namespace === namespace && one.name === name);
    return found === undefined ? undefined : { ...found, rules: [], endpoints: [], merged: [] };
  }

  withAddress(text: string): readonly ServiceSummary[] {
    return this.all.filter(({ addresses }) => addresses.some((one) => one.address === text));
  }

  reason(): undefined {}

  get counts() {
    return { services: this.all.length, endpoints: 0, routes: this.routes, aggregates: 1 };
  }
}

class World implements ReportedServices {
  readonly advertiser = new FakeAdvertiser();
  held = new Map<string, HeldWithdrawal<ServiceRoute>>();
  withheld = false;
  readonly own = new Map<string, OwnRoute['kind']>();
  readonly reports = new ServiceReports({
    services: this,
    ownRoute: (prefix) => {
      const kind = this.own.get(formatPrefix(prefix));
      return kind === undefined ? undefined : { prefix, kind, reason: '', attributes: PLAIN_ATTRIBUTES };
    },
    originated: () => [...this.own.values()].filter((kind) => kind === 'service').length,
    whyWithheld: () => 'Drained.',
    audience: () => [TOLD],
  });

  readonly dateOf = ({ until }: HeldWithdrawal<ServiceRoute>): number => until;

  get heldCount(): number {
    return this.held.size;
  }

  originate(kind: OwnRoute['kind'], ...prefixes: readonly string[]): this {
    for (const prefix of prefixes) this.own.set(prefix, kind);
    return this;
  }

  /** State and words of the only address. */
  stateOf(one: ServiceAddress): [state: string, words: string] {
    this.advertiser.all = [service('web', one)];
    const [{ state, words }] = this.reports.list({}, 0, 10).items[0].addresses;
    return [state, words];
  }
}

describe('the state of an address', () => {
  it('is what is originated for it', () => {
    const world = new World().originate('service', '203.0.113.1/32', '10.96.0.0/12');
    expect(world.stateOf(address('203.0.113.1'))).toEqual(['advertised', 'One ready endpoint is here.']);
    expect(world.stateOf(address('203.0.113.1', { role: 'backup' }))[0]).toBe('backup');
    expect(world.stateOf(address('10.96.0.1', { prefix: null, coveredBy: '10.96.0.0/12' }))[0]).toBe('covered');
    expect(world.stateOf(address('203.0.113.9', NOT_WANTED))).toEqual(['no', 'No endpoint is ready.']);
  });

  it('tells what waits for endpoints from what nothing asks for', () => {
    const world = new World();
    expect(world.stateOf(address('203.0.113.9', { ...NOT_WANTED, isWaiting: true }))[0]).toBe('waiting');
    expect(world.reports.list({ advertised: true }, 0, 10).items).toEqual([]);
    expect(world.reports.explain('shop', 'web')!.addresses[0].peers).toEqual([]);
  });

  it('says what is in the way of what is wanted', () => {
    const world = new World().originate('manual', '203.0.113.1/32');
    expect(world.stateOf(address('203.0.113.1'))).toEqual([
      'withheld',
      'Not told: a route added by hand has the same prefix and is told in its place. One ready endpoint is here.',
    ]);
    world.originate('service', '203.0.113.1/32').withheld = true;
    expect(world.stateOf(address('203.0.113.1'))).toEqual(['withheld', 'Drained. One ready endpoint is here.']);
  });

  it('says that it is told on, why and until when, also by a wider route', () => {
    const world = new World().originate('service', '203.0.113.0/24');
    world.held = new Map([waiting('203.0.113.0/24', 'guard')]);
    expect(world.stateOf(address('203.0.113.1', NOT_WANTED))).toEqual([
      'held',
      'Told on for now, because too many routes to services were to go at once (services.guard). No endpoint is ready.',
    ]);
    const { addresses } = world.reports.explain('shop', 'web')!;
    expect(addresses[0]).toMatchObject({ prefix: '203.0.113.0/24', until: { epochSeconds: 10 }, peers: [TOLD] });
    expect(world.stateOf(address('198.51.100.1', NOT_WANTED))[0]).toBe('no');
    expect(world.stateOf(address('2001:db8::1', NOT_WANTED))[0]).toBe('no');
  });
});

describe('explaining a service', () => {
  it('names the audience of each address that has a route', () => {
    const world = new World().originate('service', '203.0.113.1/32');
    world.advertiser.all = [
      service('web', address('203.0.113.1'), address('203.0.113.2', { ...NOT_WANTED, rule: '' })),
    ];
    const found = world.reports.explain('shop', 'web')!;
    expect(found.addresses.map(({ peers }) => peers.length)).toEqual([1, 0]);
    expect(found).toMatchObject({ advertised: true, addresses: [{}, { rule: null }] });
    expect(world.reports.explain('shop', 'api')).toBeUndefined();
  });
});

describe('an address that was asked for', () => {
  it('is that of services', () => {
    const world = new World().originate('service', '203.0.113.0/24');
    const range = address('203.0.113.1', { prefix: null, coveredBy: '203.0.113.0/24' });
    world.advertiser.all = [
      service('web', range, address('203.0.113.2')),
      service('api', address('203.0.113.1', NOT_WANTED)),
      service('v6', address('2001:db8::1', NOT_WANTED)),
    ];
    const of = (text: string) =>
      world.reports.withAddress(parsePrefix(text)).map(({ namespace, name, state }) => `${namespace}/${name} ${state}`);
    expect(of('203.0.113.1')).toEqual(['shop/web covered', 'shop/api no']);
    expect(of('2001:0DB8::1')).toEqual(['shop/v6 no']);
    expect(of('203.0.113.9')).toEqual([]);
    expect(of('203.0.113.0/24')).toEqual([]);
  });
});

describe('listing services', () => {
  it('finds what is asked for', () => {
    const world = new World().originate('service', '203.0.113.1/32');
    world.advertiser.all = [
      service('web', address('203.0.113.1')),
      service('api', address('203.0.113.2', NOT_WANTED)),
      { ...service('other'), namespace: 'other' },
    ];
    const names = (query: object): string[] => world.reports.list(query, 0, 10).items.map(({ name }) => name);
    expect(names({})).toEqual(['web', 'api', 'other']);
    expect(names({ namespace: 'shop' })).toEqual(['web', 'api']);
    expect(names({ advertised: true })).toEqual(['web']);
    expect(names({ advertised: false, namespace: 'shop' })).toEqual(['api']);
  });

  it('comes in slices that work out no service twice, and may be gone on from anywhere', () => {
    const world = new World();
    world.advertiser.all = Array.from({ length: 1000 }, (_, i) => service(`s${i}`));
    const seen: string[] = [];
    let slices = 0;
    for (let position: number | null = 0; position !== null; slices++) {
      const { items, next } = world.reports.list({}, position, 500);
      seen.push(...items.map(({ name }) => name));
      position = next;
    }
    expect([seen.length, new Set(seen).size, world.advertiser.worked]).toEqual([1000, 1000, 1000]);
    expect(slices).toBeGreaterThan(4);
    expect(world.reports.list({}, 990, 500).items[0].name).toBe('s990');
    // A slice without any that is wanted ends too.
    expect(world.reports.list({ advertised: true }, 0, 500)).toMatchObject({ items: [], next: expect.any(Number) });
  });
});

describe('the totals', () => {
  it('tell what is originated from what is wanted', () => {
    const world = new World().originate('service', '203.0.113.1/32', '203.0.113.2/32', '10.96.0.0/12');
    world.advertiser.all = [service('a'), service('b')];
    world.advertiser.routes = 2;
    world.held = new Map([waiting('203.0.113.2/32', 'delay')]);
    expect(world.reports.totals).toEqual({ total: 2, advertised: 3, ranges: 1, held: 1, withheld: 0 });
    world.own.clear();
    world.held.clear();
    expect(world.reports.totals).toEqual({ total: 2, advertised: 0, ranges: 0, held: 0, withheld: 2 });
  });
});
