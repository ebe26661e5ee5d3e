/**
 * The schema of `policy`, which counts for the policy agent alone. The names are Felix' own, so that one table serves for both;
 * what is `auto`, or an empty text, is as FelixConfiguration says, or else as Felix has it by default.
 */
import { z } from 'zod';

const flag = z.union([z.boolean(), z.literal('auto')]).default('auto');

const port = z.union([z.int().min(1).max(65_535), z.literal('auto')]).default('auto');

/** Felix takes these in any case, in manifests they are often in capitals. */
const action = z
  .string()
  .transform((text) => (text === 'auto' ? text : text.charAt(0).toUpperCase() + text.slice(1).toLowerCase()))
  .pipe(z.enum(['auto', 'Drop', 'Accept', 'Return']))
  .default('auto');

export const policySchema = z
  .strictObject({
    socket: z.string().default('/run/starling/starling-policyd.sock'),
    http: z.string().default('127.0.0.1:8180'),
    /** Several with commas between. */
    interfacePrefix: z
      .string()
      .regex(
        /^([^\s,/]{1,15}(,[^\s,/]{1,15})*)?$/,
        'must be beginnings of names of interfaces, with commas between, or empty',
      )
      .default(''),
    defaultEndpointToHostAction: action,
    /** `tcp:22,tcp:10.0.0.0/8:179`; `none` for none. */
    failsafeInboundHostPorts: z.string().default(''),
    failsafeOutboundHostPorts: z.string().default(''),
    disableConntrackInvalidCheck: flag,
    vxlanPort: port,
    allowVXLANPacketsFromWorkloads: flag,
    allowIPIPPacketsFromWorkloads: flag,
    logPrefix: z.string().max(64).default(''),
    /** OpenStack's; `none` for none. */
    metadataAddr: z.string().default(''),
    metadataPort: port,
    /** Whether packets from pools with natOutgoing get an address of the node. */
    masquerade: z.boolean().default(true),
  })
  .prefault({});
