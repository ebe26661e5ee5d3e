/**
 * Builds kube-apiserver from the sources of the machine's own Debian repositories with Debian's Go. Takes 2 to 5 minutes of two
 * cores and 3 GB of disk, which are given back.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './run.mjs';
import { SetupError } from './setup.mjs';

/** What Debian's source package makes; it names its tarballs `1.20.5+really1.20.2`. */
export const KUBE_VERSION = '1.20.2';

const SYSTEM_SOURCES = ['/etc/apt/sources.list', '/etc/apt/sources.list.d'];

/** Runs a command; throws where it fails. */
async function step(what, program, args, options = {}) {
  const { code, output } = await run(program, args, { capture: true, ...options });
  if (code !== 0) throw new SetupError(`${what} failed (exit code ${code}): ${lastLine(output)}`, output);
  return output;
}

function lastLine(text) {
  return text.trim().split('\n').at(-1) ?? '';
}

/** The machine's package sources with their source packages, as files in `folder`: those in /etc/apt stay as they are. */
function writeSources(folder) {
  const files = SYSTEM_SOURCES.flatMap((path) => {
    if (!existsSync(path)) return [];
    if (path.endsWith('.list')) return [path];
    return readdirSync(path).map((name) => join(path, name));
  });
  for (const [index, path] of files.entries()) {
    const text = readFileSync(path, 'utf8');
    if (path.endsWith('.sources')) {
      writeFileSync(join(folder, `${index}.sources`), text.replaceAll(/^Types:.*$/gm, 'Types: deb deb-src'));
    } else if (path.endsWith('.list')) {
      writeFileSync(join(folder, `${index}.list`), text.replaceAll(/^deb( .*)$/gm, 'deb$1\ndeb-src$1'));
    }
  }
}

/** Options that give apt lists and caches of its own in `folder`. */
function privateApt(folder) {
  const inside = (path) => {
    mkdirSync(join(folder, path), { recursive: true });
    return join(folder, path);
  };
  for (const path of ['lists/partial', 'cache/archives/partial']) inside(path);
  const options = {
    'Dir::Etc::sourcelist': '/dev/null',
    'Dir::Etc::sourceparts': inside('sources'),
    'Dir::State::lists': inside('lists'),
    'Dir::Cache': inside('cache'),
    // Others may install at the same time.
    'DPkg::Lock::Timeout': '300',
    'APT::Sandbox::User': 'root',
  };
  writeSources(join(folder, 'sources'));
  return Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
}

async function isThere(program, ...args) {
  return (await run(program, args, { capture: true })).code === 0;
}

/** Installs Go and dpkg-source where they are missing. */
async function ensureTools(apt) {
  if ((await isThere('go', 'version')) && (await isThere('dpkg-source', '--version'))) return;
  if (process.getuid?.() !== 0)
    throw new SetupError('golang-go and dpkg-dev are not installed, and this is not root', '');
  const install = ['install', '-y', '--no-install-recommends', 'golang-go', 'dpkg-dev'];
  await step('apt-get install golang-go', 'apt-get', [...apt, ...install], {
    env: { DEBIAN_FRONTEND: 'noninteractive' },
  });
}

/** Unpacks the source into a GOPATH and makes it one that builds. Returns its folder. */
async function unpack(folder, apt) {
  const here = { cwd: folder };
  // Repositories without sources fail here; whether one had them shows next.
  await run('apt-get', [...apt, 'update'], { capture: true });
  await ensureTools(apt);
  await step('apt-get source', 'apt-get', [...apt, 'source', '--download-only', 'kubernetes'], here);
  await step('apt-get download', 'apt-get', [...apt, 'download', 'golang-github-modern-go-reflect2-dev'], here);
  const named = (pattern) => join(folder, readdirSync(folder).find((name) => pattern.test(name)) ?? 'missing');
  const tree = join(folder, 'gopath/src/k8s.io/kubernetes');
  mkdirSync(join(tree, '..'), { recursive: true });
  await step('dpkg-source', 'dpkg-source', ['-x', named(/^kubernetes_.*\.dsc$/), tree]);
  // The reflect2 in vendor/ crashes with Go 1.18 and newer at the first custom resource that is written.
  const vendored = join(tree, 'vendor/github.com/modern-go/reflect2');
  await step('dpkg-deb', 'dpkg-deb', ['-x', named(/reflect2.*\.deb$/), join(folder, 'reflect2')]);
  rmSync(vendored, { recursive: true });
  cpSync(join(folder, 'reflect2/usr/share/gocode/src/github.com/modern-go/reflect2'), vendored, { recursive: true });
  return tree;
}

/** Go packages below the tree that ask for OpenAPI definitions. */
async function openApiPackages(tree) {
  const places = ['pkg', 'cmd', 'plugin', 'vendor/k8s.io'];
  const found = await step('grep', 'grep', ['-Rl', '--include=*.go', '+k8s:openapi-gen=', ...places], { cwd: tree });
  const unwanted =
    /_test\.go|zz_generated|\/testdata\/|vendor\/k8s\.io\/(?:code-generator|sample-apiserver|kube-openapi|gengo)\//;
  const files = found
    .trim()
    .split('\n')
    .filter((file) => !unwanted.test(file));
  return [...new Set(files.map((file) => file.slice(0, file.lastIndexOf('/'))))]
    .sort()
    .map((path) => `k8s.io/kubernetes/${path}`);
}

/** `pkg/generated/openapi` is not in the tarball. */
async function generateOpenApi(folder, tree, go) {
  const generator = join(folder, 'openapi-gen');
  await step(
    'go build openapi-gen',
    'go',
    ['build', '-o', generator, './vendor/k8s.io/kube-openapi/cmd/openapi-gen'],
    go,
  );
  const output = [
    '-p',
    'k8s.io/kubernetes/pkg/generated/openapi',
    '-O',
    'zz_generated.openapi',
    '-o',
    join(folder, 'gopath/src'),
  ];
  const header = ['-h', 'vendor/k8s.io/code-generator/hack/boilerplate.go.txt', '-r', join(folder, 'violations')];
  await step('openapi-gen', generator, ['-i', (await openApiPackages(tree)).join(','), ...output, ...header], go);
}

/**
 * Builds into `target`, with everything else in `folder`, which must be empty. Throws SetupError, which says what failed.
 * @param {string} folder
 * @param {string} target
 * @param {(words: string) => void} say
 */
export async function buildKubeApiServer(folder, target, say) {
  if (!existsSync('/usr/bin/apt-get')) throw new SetupError('no apt-get here to get its source with', '');
  say('getting the source');
  const tree = await unpack(folder, privateApt(join(folder, 'apt')));
  const env = {
    GO111MODULE: 'off',
    CGO_ENABLED: '0',
    GOPROXY: 'off',
    GOFLAGS: '',
    GOPATH: join(folder, 'gopath'),
    GOCACHE: join(folder, 'gocache'),
  };
  const go = { cwd: tree, env };
  say('generating the OpenAPI definitions');
  await generateOpenApi(folder, tree, go);
  say('compiling');
  // In GOPATH mode the linker knows a vendored variable by its vendored path.
  const version = ['component-base/version', 'client-go/pkg/version'].flatMap((path) =>
    Object.entries({ gitMajor: '1', gitMinor: '20', gitVersion: `v${KUBE_VERSION}` }).map(
      ([name, value]) => `-X k8s.io/kubernetes/vendor/k8s.io/${path}.${name}=${value}`,
    ),
  );
  const flags = ['-tags', 'providerless', '-trimpath', '-ldflags', ['-s', '-w', ...version].join(' ')];
  const made = join(folder, 'kube-apiserver');
  await step('go build kube-apiserver', 'go', ['build', ...flags, '-o', made, './cmd/kube-apiserver'], go);
  await step('kube-apiserver --version', made, ['--version']);
  renameSync(made, target);
}
