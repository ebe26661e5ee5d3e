/**
 * The schema of `policy`, which counts for the policy agent alone. What FelixConfiguration has as well has the same name; what
 * is not set is as FelixConfiguration says.
 */
import { z } from 'zod';
import { failsafePorts } from '../resources/failsafe-ports.ts';
import { policyAgentFields } from '../resources/kinds/felix-configuration.ts';

export const policySchema = z
  .strictObject({
    socket: z.string().default('/run/starling/starling-policyd.sock'),
    http: z.string().default('127.0.0.1:8180'),
    /** Whether packets of pools with natOutgoing get an address of the node. */
    masquerade: z.boolean().default(true),
    /** Where files say whose rules are in the kernel; empty: nowhere. */
    endpointStatusPathPrefix: z.string().default(''),
    ...policyAgentFields,
    // As Felix' environment has them, or as lists.
    failsafeInboundHostPorts: failsafePorts.optional(),
    failsafeOutboundHostPorts: failsafePorts.optional(),
    vxlanPort: z.int().min(1).max(65_535).optional(),
  })
  .prefault({});
