/** `npm run crds`: writes the CustomResourceDefinitions into deploy/crds, one file for each API group. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rolldown } from 'rolldown';
import { stringify } from 'yaml';
import { run } from './lib/run.mjs';
import { ROOT } from './lib/setup.mjs';

const FOLDER = join(ROOT, 'deploy/crds');

const bundle = await rolldown({ input: join(ROOT, 'src/resources/custom-resource-definitions.ts'), platform: 'node' });
const { output } = await bundle.generate({ format: 'esm' });
const source = `data:text/javascript;base64,${Buffer.from(output[0].code).toString('base64')}`;
const { customResourceDefinitions } = await import(source);

mkdirSync(FOLDER, { recursive: true });
for (const [group, definitions] of customResourceDefinitions()) {
  const documents = definitions.map((definition) =>
    stringify(definition, { lineWidth: 120, aliasDuplicateObjects: false }),
  );
  writeFileSync(
    join(FOLDER, `${group}.yaml`),
    `# Made by \`npm run crds\` from the schemas in src/resources: changes go there.\n${documents.join('---\n')}`,
  );
}
const { code } = await run(join(ROOT, 'node_modules/.bin/oxfmt'), [FOLDER]);
process.exit(code);
