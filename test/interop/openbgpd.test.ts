import { startOpenbgpd } from '../support/routers/openbgpd.ts';
import { MIDDLE } from './line.ts';
import { describePeer } from './suite.ts';

describePeer({
  name: 'OpenBGPD',
  programs: ['bgpd', 'bgpctl'],
  start: startOpenbgpd,
  // The one IPv6 next hop it is configured with.
  nextHop6: MIDDLE.theirs6,
  // Release 7.7 takes the request and sends nothing.
  answersRefresh: false,
  // The listening socket of its portable version has no keys.
  acceptsNoPasswords: true,
  security: ['password', 'ttlSecurity'],
});
