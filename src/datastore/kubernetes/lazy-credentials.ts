/** Credentials, whose library is loaded when they are first asked for: daemons with another datastore do without it. */
import type { AccessSource } from './api-client.ts';

/** `kubeconfig` is as for `Credentials`. */
export function lazyCredentials(kubeconfig: string): AccessSource {
  let loaded: AccessSource | undefined;
  return {
    async access() {
      if (loaded === undefined) {
        const { Credentials } = await import('./credentials.ts');
        loaded ??= new Credentials(kubeconfig);
      }
      return loaded.access();
    },
    renew: () => loaded?.renew(),
    close: () => loaded?.close(),
  };
}
