/** The paths that peers of the model have announced, and which of them are stale. */
import type { Attributes } from '../../src/bgp/messages/attributes/attributes.ts';
import type { ModelPeer } from './rib-model.ts';

/** The peer that a path is of, which has its own name where the peer gives identifiers. */
export function sessionOf(path: ModelPeer): ModelPeer {
  return path.session ?? path;
}

export class ModelPaths {
  /** Paths by peer, or by name of the path where peers give identifiers, by text of the prefix. */
  readonly byPrefix = new Map<string, Map<ModelPeer, Attributes>>();
  /** Prefixes of stale paths, by the same names. */
  private readonly stale = new Map<ModelPeer, Set<string>>();

  announce(path: ModelPeer, text: string, attributes: Attributes): void {
    let paths = this.byPrefix.get(text);
    if (paths === undefined) this.byPrefix.set(text, (paths = new Map()));
    paths.set(path, attributes);
    this.stale.get(path)?.delete(text);
  }

  withdraw(path: ModelPeer, text: string): void {
    this.byPrefix.get(text)?.delete(path);
    this.stale.get(path)?.delete(text);
  }

  /** All paths of a peer go. */
  drop(peer: ModelPeer): void {
    for (const path of this.stale.keys()) if (sessionOf(path) === peer) this.stale.delete(path);
    for (const paths of this.byPrefix.values()) {
      for (const path of paths.keys()) if (sessionOf(path) === peer) paths.delete(path);
    }
  }

  /** The paths of a peer become stale; those that were stale before go. */
  markStale(peer: ModelPeer): void {
    this.dropStale(peer);
    for (const [text, paths] of this.byPrefix) {
      for (const path of paths.keys()) {
        if (sessionOf(path) !== peer) continue;
        let texts = this.stale.get(path);
        if (texts === undefined) this.stale.set(path, (texts = new Set()));
        texts.add(text);
      }
    }
  }

  /** The stale paths of a peer go. */
  dropStale(peer: ModelPeer): void {
    for (const [path, texts] of this.stale) {
      if (sessionOf(path) !== peer) continue;
      for (const text of texts) this.byPrefix.get(text)?.delete(path);
      this.stale.delete(path);
    }
  }

  /** Prefixes of the stale paths of a peer, once for each path. */
  staleOf(peer: ModelPeer): string[] {
    return [...this.stale].filter(([path]) => sessionOf(path) === peer).flatMap(([, texts]) => [...texts]);
  }

  /** All paths of a peer. */
  *of(peer: ModelPeer): Generator<{ text: string; attributes: Attributes }> {
    for (const [text, paths] of this.byPrefix) {
      for (const [path, attributes] of paths) if (sessionOf(path) === peer) yield { text, attributes };
    }
  }
}
