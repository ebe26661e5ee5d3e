import { expect, it } from 'vitest';
import { service, slice } from '../../test/support/service-cluster.ts';
import type { ResourceOf } from '../resources/kinds.ts';
import { ServiceIndex } from './service-index.ts';

const web = service({}) as ResourceOf<'Service'>;
const endpoints = slice('node-1') as ResourceOf<'EndpointSlice'>;

it.each([
  ['slice', 'service'],
  ['service', 'slice'],
])('keeps no name of which there is nothing any more: first the %s goes', (...order) => {
  const index = new ServiceIndex();
  index.putSlice(endpoints);
  index.putService(web);
  for (const kind of order) {
    expect([...index.entries]).toHaveLength(1);
    if (kind === 'slice') index.deleteSlice('default/web-1');
    else index.deleteService('default/web');
  }
  expect([...index.entries]).toEqual([]);
});
