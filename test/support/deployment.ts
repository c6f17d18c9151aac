import { setTimeout as sleep } from 'node:timers/promises';
import type { Environment } from '../../src/config/read-config.js';
import { BASE } from './base-manifest.js';
import type { Probe } from './base-manifest.js';
import { freePort } from './free-port.js';
import { startProcess } from './gateway-process.js';
import type { GatewayProcess } from './gateway-process.js';
import type { Balancer } from './haproxy.js';
import { startHaproxy } from './haproxy.js';
import { startLatencyProxy } from './latency-proxy.js';
import type { LatencyProxy } from './latency-proxy.js';
import { rawCall } from './raw-call.js';

/**
 * How long after the deletion of a pod the balancer still opens connections to it, in seconds: for longer than the `preStop` pause
 * alone, or the drain alone, allows.
 */
const REMOVAL_LAG_SECONDS = 6;
/** Between the balancer and a pod, each way. */
const LATENCY_MS = 10;
const REPLICAS = 3;

/** A server of the balancer: the network to one pod after the other. */
interface Slot {
  readonly index: number;
  readonly callers: LatencyProxy;
  readonly callbacks: LatencyProxy;
}

interface Pod {
  readonly slot: Slot;
  readonly gateway: GatewayProcess;
  readonly managementPort: number;
  readonly deleted: AbortController;
}

/**
 * The Deployment of k8s/base, on processes of this machine behind a balancer: pods are probed, replaced and ended at the times, and
 * with the settings, that it declares.
 */
export class Deployment {
  /** The longest time from the deletion of a pod until the balancer was told, in seconds of the manifests. A busy machine is late. */
  slowestRemoval = 0;
  #pods: Pod[] = [];
  readonly #free: Slot[];
  readonly #started: Pod[] = [];

  private constructor(
    readonly balancer: Balancer,
    private readonly slots: readonly Slot[],
    private readonly env: Environment,
    /** How many seconds of the manifests pass in a second. */
    private readonly speed: number,
  ) {
    this.#free = [...slots];
  }

  static async create(env: Environment, speed: number): Promise<Deployment> {
    // Each pod and its successor.
    const slots = await Promise.all(
      Array.from({ length: 2 * REPLICAS }, async (_, index) => ({
        index,
        callers: await startLatencyProxy(LATENCY_MS),
        callbacks: await startLatencyProxy(LATENCY_MS),
      })),
    );
    const servers = slots.map(({ callers, callbacks }) => ({
      callers: callers.port,
      callbacks: callbacks.port,
    }));
    return new Deployment(await startHaproxy(servers), slots, env, speed);
  }

  /** All that have run. */
  get gateways(): GatewayProcess[] {
    return this.#started.map(({ gateway }) => gateway);
  }

  /** Starts the pods. @param entry the `dist/main.js` of another version */
  async start(entry?: string): Promise<void> {
    this.#pods = await Promise.all(Array.from({ length: REPLICAS }, () => this.#startPod(entry)));
  }

  /**
   * Replaces the pods by those of another version: one more pod, and one fewer when it is ready (`maxSurge: 1`, `maxUnavailable: 0`).
   * @returns how the old ones ended
   */
  async rollOut(entry?: string): Promise<{ code: number | null; signal: string | null }[]> {
    const endings = [];
    for (const old of this.#pods.splice(0)) {
      this.#pods.push(await this.#startPod(entry));
      endings.push(this.#delete(old));
    }
    return Promise.all(endings);
  }

  async close(): Promise<void> {
    for (const { deleted } of this.#started) deleted.abort();
    await Promise.all(this.gateways.map((gateway) => gateway[Symbol.asyncDispose]()));
    await this.balancer[Symbol.asyncDispose]();
    const proxies = this.slots.flatMap(({ callers, callbacks }) => [callers, callbacks]);
    await Promise.all(proxies.map((proxy) => proxy[Symbol.asyncDispose]()));
  }

  /** Resolves when the pod is ready and the balancer uses it. */
  async #startPod(entry: string | undefined): Promise<Pod> {
    const slot = this.#free.shift()!;
    const [callers, callbacks, managementPort] = [await freePort(), await freePort(), await freePort()];
    slot.callers.targetPort = callers;
    slot.callbacks.targetPort = callbacks;
    const settings = {
      ...BASE.settings,
      ...this.env,
      PORT: String(callers),
      CALLBACK_PORT: String(callbacks),
      MANAGEMENT_PORT: String(managementPort),
      SHUTDOWN_GRACE_SECONDS: String(Number(BASE.settings['SHUTDOWN_GRACE_SECONDS']) / this.speed),
    };
    const gateway = startProcess(settings, { entry });
    const pod = { slot, gateway, managementPort, deleted: new AbortController() };
    this.#started.push(pod);
    while (!(await probe(pod, BASE.startupProbe))) await this.#pause(BASE.startupProbe.periodSeconds);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#watch(pod, resolve).catch(reject);
    await promise;
    return pod;
  }

  /** The readiness probe decides whether the balancer uses a pod, until the pod is deleted. */
  async #watch(pod: Pod, onReady: () => void): Promise<void> {
    let used = false;
    for (
      let failures = 0;
      !pod.deleted.signal.aborted;
      await this.#pause(BASE.readinessProbe.periodSeconds)
    ) {
      failures = (await probe(pod, BASE.readinessProbe)) ? 0 : failures + 1;
      const next: boolean = used ? failures < BASE.readinessProbe.failureThreshold : failures === 0;
      if (next !== used && !pod.deleted.signal.aborted) await this.balancer.use(pod.slot.index, next);
      used = next;
      if (used) onReady();
    }
  }

  async #delete(pod: Pod) {
    const { slot, gateway, deleted } = pod;
    deleted.abort();
    const removed = this.#removeFromBalancer(slot);
    const killed = setTimeout(
      () => gateway.signal('SIGKILL'),
      (BASE.terminationGracePeriodSeconds * 1_000) / this.speed,
    );
    await this.#pause(BASE.preStopSeconds);
    gateway.signal('SIGTERM');
    const ending = await gateway.ended;
    clearTimeout(killed);
    await removed;
    this.#free.push(slot);
    return ending;
  }

  async #removeFromBalancer({ index }: Slot): Promise<void> {
    const since = performance.now();
    await this.#pause(REMOVAL_LAG_SECONDS);
    await this.balancer.use(index, false);
    const seconds = ((performance.now() - since) * this.speed) / 1_000;
    this.slowestRemoval = Math.max(this.slowestRemoval, seconds);
  }

  #pause(seconds: number): Promise<void> {
    return sleep((seconds * 1_000) / this.speed);
  }
}

/** Asks on a connection of its own, as the kubelet does. @throws when the process has ended, and not because its pod was deleted */
async function probe(
  { managementPort, gateway, deleted }: Pod,
  { httpGet, timeoutSeconds }: Probe,
): Promise<boolean> {
  const url = `http://127.0.0.1:${managementPort}${httpGet.path}`;
  const ended = gateway.ended.then(({ code }) => {
    if (deleted.signal.aborted) return undefined;
    throw new Error(`a gateway ended with code ${code}: ${gateway.lines.join('\n')}${gateway.errors()}`);
  });
  const answered = rawCall(url, { signal: AbortSignal.timeout(timeoutSeconds * 1_000) });
  return (await Promise.race([answered, ended]))?.status === 200;
}
