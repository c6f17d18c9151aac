import { originOf } from '../server/listen.js';
import { Scheduler } from '../server/scheduler.js';
import { CallbackSender } from './callback-sender.js';
import type { Delivery } from './callback-sender.js';
import { CALLBACK_HELP } from './callback-spec.js';
import { ControlInputError } from '../server/control-input.js';
import { FaultRules } from '../faults/fault-rules.js';
import { RequestLog } from '../server/request-log.js';
import { KiipCallbacks } from './kiip-callbacks.js';
import { kiipControl } from './kiip-control.js';
import type { KiipSandbox, KiipSandboxOptions } from './kiip-sandbox.js';
import { KiipIds } from './kiip-ids.js';
import { KIIP_ROUTES } from './kiip-paths.js';
import { kiipUrls } from './kiip-reward-page.js';
import { KiipRewards } from './kiip-rewards.js';
import type { KiipReward } from './kiip-rewards.js';
import { KiipSessions } from './kiip-sessions.js';
import { KIIP_DEFAULTS, parseKiipSettings } from './kiip-settings.js';
import type { KiipSettings } from './kiip-settings.js';
import { KiipService } from './kiip-service.js';
import { sharedControl } from '../server/shared-control.js';
import { startSandboxServer } from '../server/sandbox-server.js';
import { VirtualClock } from '../server/virtual-clock.js';

/** Starts a simulated Kiip. Rejects when the port is taken. */
export async function startKiipSandbox(options: KiipSandboxOptions = {}): Promise<KiipSandbox> {
  const {
    host = '127.0.0.1',
    port = 0,
    seed = 1,
    appKey,
    appSecret,
    callbackUrl = null,
    consoleOrigins,
  } = options;
  const given: Partial<KiipSettings> = { appKey, appSecret };
  const initial: KiipSettings = { ...KIIP_DEFAULTS, ...parseKiipSettings(given) };
  let settings = initial;
  const clock = new VirtualClock();
  const requestLog = new RequestLog();
  const faults = new FaultRules(KIIP_ROUTES, seed);
  const ids = new KiipIds(clock, seed);
  const sessions = new KiipSessions();
  const rewards = new KiipRewards();
  const sender = new CallbackSender(clock, new Scheduler(clock), () => settings);
  const callbacks = new KiipCallbacks(sender, rewards, ids, () => settings);
  callbacks.setUrls({ url: callbackUrl, issuanceUrl: null });

  const use = (reward: KiipReward): Promise<Delivery | undefined> => {
    reward.used_date = ids.date();
    return callbacks.redeemed(reward);
  };
  const service = new KiipService({
    settings: () => settings,
    ids,
    sessions,
    rewards,
    redeem: (reward) => {
      void use(reward);
      return kiipUrls(reward, settings.appSecret);
    },
  });

  const handle: Omit<KiipSandbox, 'url' | 'port' | 'close'> = {
    requests: (route) => requestLog.list(route),
    clearRequests: () => requestLog.clear(),
    maxConcurrent: (route) => requestLog.maxConcurrent(route),
    configure(changes) {
      settings = { ...settings, ...parseKiipSettings(changes) };
      return structuredClone(settings);
    },
    addFault: (rule) => faults.add(rule),
    clearFaults: () => faults.clear(),
    sessions: () => sessions.list(),
    rewards: () => rewards.list(),
    async redeem(viewId = 'latest') {
      const reward = rewards.find(viewId);
      if (!reward) throw new ControlInputError('reward', 'names no reward');
      if (reward.used_date !== null) throw new ControlInputError('reward', 'has been redeemed already');
      return use(reward);
    },
    sendCallback: (spec = {}) => callbacks.send(spec),
    sendCallbacks: (specs, batch) => callbacks.sendAll(specs, batch),
    playScenario: (name) => callbacks.play(name),
    deliveries: () => sender.list(),
    settled: () => sender.settled(),
    setCallbackUrl: (url, issuanceUrl = null) => callbacks.setUrls({ url, issuanceUrl }),
    advance: (ms) => clock.advance(ms),
    reset() {
      server.dropCalls();
      settings = initial;
      sender.reset();
      clock.reset();
      faults.reset();
      ids.reset();
      sessions.clear();
      rewards.clear();
      service.reset();
      requestLog.reset();
    },
  };
  const control = [...sharedControl({ faults, requestLog, clock }, KIIP_ROUTES), ...kiipControl(handle)];
  const server = await startSandboxServer({
    service,
    requestLog,
    faults,
    control,
    controlHelp: CALLBACK_HELP,
    consoleOrigins,
    host,
    port,
  });
  return {
    ...handle,
    url: originOf(host, server.port),
    port: server.port,
    close: async () => {
      sender.reset();
      await server.close();
    },
  };
}
