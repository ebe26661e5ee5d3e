/** Whether the system as a whole is going down, as far as systemd can be asked. */
import { execFile } from 'node:child_process';

/** Longest time to wait for the answer, in milliseconds: whoever stops the daemon does not wait long. */
const PATIENCE = 1000;

/** True while systemd stops everything (systemctl(1), `is-system-running`); false also where there is nobody to ask. */
export function isSystemStopping(command = 'systemctl'): Promise<boolean> {
  return new Promise((resolve) => {
    execFile(command, ['is-system-running'], { timeout: PATIENCE }, (_error, stdout) => {
      // It exits with an error in every state but "running".
      resolve(stdout.trim() === 'stopping');
    });
  });
}
