import type { IncomingHttpHeaders } from 'node:http';
import type { Answer } from './answer.js';

/** A request as it arrived, fully read. */
export interface VendorRequest {
  method: string;
  /** Path and query, undecoded. */
  url: string;
  headers: IncomingHttpHeaders;
  body: string;
}

/** What a request is about: what the journal files it under and what fault rules match on. */
export interface Call {
  route: string;
  user?: string;
  program?: string;
  account?: string;
  device?: string;
  moment?: string;
}

/** One simulated vendor: its routes, and how it words a failure. */
export interface Vendor {
  /** Every name that `identify` may give as a route. */
  readonly routes: readonly string[];
  identify(request: VendorRequest): Call;
  /** The real answer, with its effect on the vendor's state. */
  answer(request: VendorRequest, call: Call): Answer;
  /** The body this vendor gives with a plain failure of that status. */
  failure(status: number): Answer;
}
