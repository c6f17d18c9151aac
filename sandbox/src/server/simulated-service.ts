import type { IncomingHttpHeaders } from 'node:http';
import type { HttpResponse } from './http-response.js';

/** A request as it arrived, fully read. */
export interface HttpRequest {
  method: string;
  /** Path and query, undecoded. */
  url: string;
  headers: IncomingHttpHeaders;
  body: string;
}

/** What a request is about: its entry in the request log, and what fault rules match on. */
export interface Call {
  route: string;
  user?: string;
  program?: string;
  account?: string;
  device?: string;
  moment?: string;
}

/** One simulated vendor: its routes, and how it words a failure. */
export interface SimulatedService {
  /** Every name that `identify` may give as a route. */
  readonly routes: readonly string[];
  identify(request: HttpRequest): Call;
  /** The normal response, with its effect on the vendor's state. */
  respond(request: HttpRequest, call: Call): HttpResponse;
  /** The body this vendor gives with a plain failure of that status. */
  failure(status: number): HttpResponse;
}
