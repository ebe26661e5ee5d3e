/** What docker-compose.yml must come to, asked of the programs and kernels in its containers. */
import { dockerClient, succeed } from './docker.mjs';
import { run } from './run.mjs';

const NUMBERS = [1, 2, 3, 4];
const NODES = NUMBERS.map((number) => `node-${number}`);
const TORS = ['tor-1', 'tor-2'];
const blocksOf = (number) => [`10.244.${number}.0/26`, `fd00:10:244:${number}::/122`];

/** Services: addresses, nodes that the switches send to, how many nodes announce them, nodes that may answer. */
const SERVICES = [
  { addresses: ['10.251.0.10', 'fd00:10:251::10'], nodes: [1, 2], announced: 2, answers: [1, 2] },
  { addresses: ['10.251.0.20', 'fd00:10:251::20'], nodes: [3, 4], announced: 4, answers: [3] },
];
/** Requests to each address: enough that chance alone leaves no node out. */
const REQUESTS = 24;

/** The containers of a project, by the name of their service. */
export async function containersOf(project, env) {
  const format = '{{.ID}} {{.Label "com.docker.compose.service"}}';
  const args = ['ps', '--filter', `label=com.docker.compose.project=${project}`, '--all', '--format', format];
  const lines = (await succeed(dockerClient(), args, { env })).trim().split('\n');
  return new Map(lines.map((line) => line.split(' ').toReversed()));
}

/** The checks by name; each gives what is missing, in words. `containers` as {@link containersOf}. */
export function checks(containers, env) {
  const inside = (name, ...words) => succeed(dockerClient(), ['exec', containers.get(name), ...words], { env });
  const json = async (...words) => JSON.parse(await inside(...words));
  return {
    'every session is established': () => each([...NODES, ...TORS], (name) => sessions(json, name)),
    'every block is in every kernel': () => each([...NODES, ...TORS], (name) => blocks(json, name)),
    'the switches share the traffic of services among the right nodes': () =>
      each(TORS, (name) => services(json, name)),
    'services answer behind the switches': () => each(TORS, (name) => answers(inside, name)),
    'Prometheus knows the sessions of every node': () => metrics(inside),
  };
}

/** What is missing at any of them. */
async function each(names, missing) {
  return (await Promise.all(names.map((name) => missing(name)))).flat();
}

async function sessions(json, name) {
  if (TORS.includes(name)) {
    const peers = await json(name, 'gobgp', '--json', 'neighbor');
    // SESSION_STATE of GoBGP's API.
    const up = peers.filter(({ state }) => state.session_state === 6).length;
    return up === 2 * NODES.length ? [] : [`${name}: ${up} sessions of ${2 * NODES.length}`];
  }
  const { peers } = await json(name, 'starling', 'peer', 'list', '--output', 'json');
  const up = peers.filter(({ state }) => state === 'Established').length;
  return up === 2 * TORS.length ? [] : [`${name}: ${up} sessions of ${2 * TORS.length}`];
}

async function routes(json, name) {
  const families = await Promise.all(['-4', '-6'].map((family) => json(name, 'ip', '-json', family, 'route')));
  return new Map(families.flat().map((route) => [route.dst, route]));
}

async function blocks(json, name) {
  const had = await routes(json, name);
  return NUMBERS.filter((number) => name !== `node-${number}`)
    .flatMap((number) => blocksOf(number))
    .filter((block) => !had.has(block))
    .map((block) => `${name}: no route to ${block}`);
}

async function services(json, name) {
  const had = await routes(json, name);
  const ribs = await Promise.all(
    ['ipv4', 'ipv6'].map((family) => json(name, 'gobgp', '--json', 'global', 'rib', '--address-family', family)),
  );
  const rib = Object.assign({}, ...ribs);
  return SERVICES.flatMap(({ addresses, nodes, announced }) =>
    addresses.flatMap((address) => {
      const prefix = address.includes(':') ? `${address}/128` : `${address}/32`;
      const paths = rib[prefix]?.length ?? 0;
      const route = had.get(address);
      const hops = route?.nexthops ?? (route === undefined ? [] : [route]);
      const via = hops.map(({ gateway }) => Number(gateway.at(-1))).toSorted();
      return paths === announced && via.join() === nodes.join()
        ? []
        : [`${name}: ${address} has ${paths} of ${announced} paths and goes to nodes ${via.join(' ') || 'none'}`];
    }),
  );
}

async function answers(inside, name) {
  const script = `for i in $(seq ${REQUESTS}); do curl --silent --max-time 2 "http://$0/" || break; done`;
  const all = SERVICES.flatMap(({ addresses, answers: expected }) =>
    addresses.map(async (address) => {
      const host = address.includes(':') ? `[${address}]` : address;
      const output = await inside(name, 'bash', '-c', script, host).catch(({ output: text }) => text);
      const lines = output.split('\n').filter((line) => line !== '');
      const nodes = [...new Set(lines)].toSorted((a, b) => a.localeCompare(b)).join(' ');
      const wanted = expected.map((number) => `node-${number}`).join(' ');
      return lines.length === REQUESTS && nodes === wanted
        ? []
        : [
            `${name}: ${lines.length} of ${REQUESTS} answers of ${address} are from ${nodes || 'nobody'}, not ${wanted}`,
          ];
    }),
  );
  return (await Promise.all(all)).flat();
}

async function metrics(inside) {
  const query = 'count by (instance) (bgp_peer_state{session_state="ESTABLISHED"})';
  const output = await inside('prometheus', 'promtool', 'query', 'instant', 'http://localhost:9090', query);
  return NODES.filter((name) => !output.includes(`{instance="${name}:8179"} => ${2 * TORS.length} `)).map(
    (name) => `Prometheus does not have ${2 * TORS.length} sessions of ${name}`,
  );
}

/** The last lines that each container wrote. */
export async function logs(containers, env) {
  const texts = [...containers].map(async ([name, id]) => {
    const { output } = await run(dockerClient(), ['logs', '--tail', '15', id], { env, capture: true });
    return `--- ${name}\n${output}`;
  });
  return (await Promise.all(texts)).join('\n');
}
