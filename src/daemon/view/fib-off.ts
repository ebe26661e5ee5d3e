/** The state of the kernel's routes where the FIB is switched off. */
import type { StatusReport } from '../../api/types.ts';

export const FIB_OFF: StatusReport['fib'] = {
  enabled: false,
  inSync: false,
  desired: 0,
  installed: 0,
  failed: 0,
  repaired: 0,
  table: 0,
  ownership: null,
  lastError: null,
};
