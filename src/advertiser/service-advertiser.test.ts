import { expect, it } from 'vitest';
import { advertiserOf, configuration, node, routesOf, service, slice } from '../../test/support/service-cluster.ts';

it('announces ranges, and addresses whose traffic stays on the node', () => {
  const advertiser = advertiserOf([
    node('node-1'),
    configuration({
      serviceClusterIPs: [{ cidr: '10.96.0.0/12' }],
      serviceLoadBalancerIPs: [{ cidr: '192.0.2.0/24' }],
    }),
    service({ type: 'LoadBalancer', externalTrafficPolicy: 'Local' }, { ingress: ['192.0.2.1'] }),
    slice('node-1 node-2'),
  ]);
  expect(routesOf(advertiser)).toEqual(['10.96.0.0/12', '192.0.2.0/24', '192.0.2.1/32']);
});
