import { UpstreamHttp } from '../upstream/upstream-http.js';

/** Calls to Kiip. A POST is sent again only if it provably never left. */
export class KiipHttp extends UpstreamHttp {}
