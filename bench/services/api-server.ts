/**
 * As much of a Kubernetes API server as a daemon needs that reads: lists and watches, from memory. What it tells is on the wire
 * when the call returns, so that nothing of its own is measured.
 */
import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { Manifest } from './cluster.ts';

export interface FakeApiServer {
  /** Tells all watches of a collection that an object is different. */
  modified(collection: string, object: Manifest): void;
}

/** Answers once it is there. `contents` are the objects by the path of their collection; all other collections are empty. */
export async function startApiServer(
  address: { readonly host: string; readonly port: number },
  contents: ReadonlyMap<string, readonly Manifest[]>,
): Promise<FakeApiServer> {
  const watches = new Map<string, ServerResponse[]>();
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
    response.setHeader('Content-Type', 'application/json');
    if (pathname === '/readyz') response.end('ok');
    else if (searchParams.has('watch')) {
      response.socket?.setNoDelay(true);
      response.flushHeaders();
      watches.set(pathname, [...(watches.get(pathname) ?? []), response]);
    } else {
      response.end(JSON.stringify({ metadata: { resourceVersion: '1' }, items: contents.get(pathname) ?? [] }));
    }
  });
  await new Promise<void>((resolve) => server.listen(address, resolve));
  return {
    modified(collection, object) {
      for (const response of watches.get(collection) ?? []) {
        response.write(`${JSON.stringify({ type: 'MODIFIED', object })}\n`);
      }
    },
  };
}
