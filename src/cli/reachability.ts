import type { ProxySettings } from '../config/proxy.js';
import { summarizeError } from '../log/error-summary.js';
import { createDispatcher } from '../upstream/outgoing.js';
import { adviseOn, failed, ok } from './finding.js';
import type { Finding } from './finding.js';

const TIMEOUT_MS = 10_000;

/**
 * Whether the host of a URL responds, through the same proxy and with the same TLS as other requests. `HEAD /` changes nothing there, and
 * any status is a response.
 */
export async function reach(
  check: string,
  url: string,
  { proxy, more = '' }: { proxy: ProxySettings; more?: string },
): Promise<Finding> {
  const { origin } = new URL(url);
  const dispatcher = createDispatcher(url, proxy, { allowH2: false, connect: { timeout: TIMEOUT_MS } });
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  try {
    const headers = { 'user-agent': 'rewards-gateway' };
    const response = await dispatcher.request({ origin, method: 'HEAD', path: '/', headers, signal });
    await response.body.dump();
    return ok(check, `${origin} responds (${response.statusCode} to HEAD /)${more}`);
  } catch (error) {
    const reason = signal.aborted
      ? 'no response in time'
      : (summarizeError(error).code ?? 'no HTTP response');
    return failed(check, `${origin}: ${reason}: ${adviseOn(reason)}`);
  } finally {
    await dispatcher.destroy();
  }
}
