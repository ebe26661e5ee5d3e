import { startFrrWithZebra } from '../support/routers/frr.ts';
import { describePeer } from './suite.ts';

describePeer({ name: 'FRR', programs: ['vtysh'], start: startFrrWithZebra, security: ['password', 'ttlSecurity'] });
