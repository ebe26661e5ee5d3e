/** Something in the resources that is not done as it is written. */
export interface PeeringProblem {
  /** The resource it is about, e.g. `BGPPeer tor-a`. */
  readonly resource: string;
  /** Field of its spec, or empty where it is the resource as a whole. */
  readonly field: string;
  /** What it means and what to do, as a sentence. */
  readonly message: string;
}
