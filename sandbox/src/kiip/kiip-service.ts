import { jsonResponse, textResponse } from '../server/http-response.js';
import type { HttpResponse } from '../server/http-response.js';
import { readKiipBody } from './kiip-body.js';
import type { KiipBody } from './kiip-body.js';
import type { KiipIds } from './kiip-ids.js';
import { KIIP_ROUTES, kiipEndpoint } from './kiip-paths.js';
import { BODY_URL, NO_REWARD, rewardDocument } from './kiip-reward-document.js';
import { noSuchReward, REWARD_IMAGE, rewardPage } from './kiip-reward-page.js';
import type { KiipReward, KiipRewards } from './kiip-rewards.js';
import type { KiipSessions } from './kiip-sessions.js';
import type { KiipSettings } from './kiip-settings.js';
import type { Call, SimulatedService, HttpRequest } from '../server/simulated-service.js';

interface Parts {
  settings: () => KiipSettings;
  ids: KiipIds;
  sessions: KiipSessions;
  rewards: KiipRewards;
  /** Marks a reward as used and sends its callback; returns where the page goes then. */
  redeem: (reward: KiipReward) => string[];
}

/** Kiip's session and moment calls and the reward's page, with the assumptions as settings. */
export class KiipService implements SimulatedService {
  readonly routes = KIIP_ROUTES;
  private liveMoments = 0;

  constructor(private readonly parts: Parts) {}

  identify(request: HttpRequest): Call {
    const endpoint = kiipEndpoint(request);
    if (!endpoint?.methods.includes(request.method)) return { route: 'other' };
    if (endpoint.route === 'reward') {
      const reward = this.parts.rewards.findByPath(endpoint.path);
      return { route: 'reward', user: reward?.user_id ?? undefined, moment: reward?.moment_id };
    }
    const body = readKiipBody(request.body);
    const route = body && this.isSession(endpoint.route, body) ? 'session' : endpoint.route;
    return { route, user: body?.userId, device: body?.deviceId, moment: body?.momentId };
  }

  respond(request: HttpRequest): HttpResponse {
    const endpoint = kiipEndpoint(request);
    if (!endpoint) return this.failure(404);
    if (!endpoint.methods.includes(request.method)) {
      const methods = endpoint.methods.join(', ');
      return kiipError(405, `Use ${methods}.`, { allow: methods });
    }
    if (endpoint.route === 'reward') return this.page(request.method, endpoint.path);
    const mediaType = request.headers['content-type']?.split(';')[0]?.trim().toLowerCase();
    if (mediaType !== 'application/json') return kiipError(415, 'Send application/json.');
    const body = readKiipBody(request.body);
    if (!body) return this.badBody('The body must be a JSON object.');
    if (body.appKey === undefined) return this.badBody('app.app_key is required.');
    const settings = this.parts.settings();
    if (body.appKey !== settings.appKey) return kiipError(settings.unknownAppKeyStatus, 'Unknown app_key.');
    if (body.deviceId === undefined) return this.badBody('device.id is required.');
    return this.isSession(endpoint.route, body)
      ? this.session(body, body.deviceId)
      : this.moment(body, body.deviceId, `http://${request.headers.host ?? 'localhost'}`);
  }

  failure(status: number): HttpResponse {
    return kiipError(status, PLAIN[status] ?? `The request failed with status ${status}.`);
  }

  reset(): void {
    this.liveMoments = 0;
  }

  private isSession(route: 'session' | 'moment', body: KiipBody): boolean {
    if (route === 'session') return true;
    return this.parts.settings().sessionsOnMomentPath && body.hasEvents && !body.hasMoment;
  }

  private session(body: KiipBody, deviceId: string): HttpResponse {
    if (body.events.length === 0) return this.badBody('events is required.');
    const date = this.parts.ids.date();
    for (const event of body.events) {
      this.parts.sessions.note(event, deviceId, body.userId ?? null, date);
    }
    return jsonResponse(200, { date });
  }

  private moment(body: KiipBody, deviceId: string, origin: string): HttpResponse {
    const { momentId } = body;
    if (momentId === undefined) return this.badBody('moment.id is required.');
    const settings = this.parts.settings();
    const isKnown = settings.knownMoments?.includes(momentId) ?? true;
    if (!isKnown && settings.unknownMoment === 'error') return kiipError(400, 'Unknown moment.');
    if (!body.test) this.liveMoments += 1;
    if (!body.test && !(isKnown && this.isRewarded(momentId, deviceId))) {
      return NO_REWARD[settings.noReward](this.parts.ids.date());
    }
    const reward = this.newReward(body, momentId, deviceId, origin);
    this.parts.rewards.add(reward);
    if (settings.redeemAtOnce) this.parts.redeem(reward);
    return jsonResponse(200, rewardDocument(reward, origin, settings));
  }

  private isRewarded(momentId: string, deviceId: string): boolean {
    const { sessionRequired, momentRule, everyNth, rewardedMoments } = this.parts.settings();
    if (sessionRequired && !this.parts.sessions.isOpen(deviceId)) return false;
    const rules: Record<KiipSettings['momentRule'], boolean> = {
      always: true,
      never: false,
      'every-nth': this.liveMoments % everyNth === 0,
      'by-moment': rewardedMoments.includes(momentId),
    };
    return rules[momentRule];
  }

  private newReward(body: KiipBody, momentId: string, deviceId: string, origin: string): KiipReward {
    const { ids, settings } = this.parts;
    const { bodyUrl: form, currencyContent, currencyName, currencyQuantity } = settings();
    const at = ids.now();
    const id = ids.id(at);
    const standalone = `/reward/${ids.id(at)}/${id}`;
    const preview = `/reward/preview/${id}`;
    const query = new URLSearchParams({
      application_id: ids.id(),
      locale: body.locale ?? '',
      moment_id: momentId,
      sdk_version: body.sdkVersion ?? '',
      r: String(100_000 + ids.below(900_000)),
      mode: 'standalone',
      ...(body.test && { preview: 'true' }),
      sdk: 'none',
    }).toString();
    return {
      view_id: body.test ? `test_${id}` : id,
      paths: [standalone, preview],
      page_url: `${origin}${standalone}?${query}`,
      body_url: BODY_URL[form](origin, `${standalone}?${query}`, `${preview}?${query}`),
      moment_id: momentId,
      device_id: deviceId,
      user_id: body.userId ?? null,
      email_address: body.emailAddress ?? null,
      test: body.test,
      close_button: body.closeButton,
      content: currencyContent,
      name: currencyName,
      quantity: currencyQuantity,
      date: ids.date(at),
      used_date: null,
    };
  }

  private page(method: string, path: string): HttpResponse {
    if (path === '/reward/image.svg') return REWARD_IMAGE;
    const { rewards, redeem } = this.parts;
    if (path === '/reward/latest') return this.toLatest();
    const reward = rewards.findByPath(path);
    if (method === 'GET') return reward ? rewardPage(reward) : noSuchReward();
    if (!reward) return kiipError(404, 'No such reward.');
    if (reward.used_date !== null) return kiipError(409, 'This reward has been redeemed already.');
    return jsonResponse(200, { navigate: redeem(reward) });
  }

  private toLatest(): HttpResponse {
    const latest = this.parts.rewards.find('latest');
    return latest ? textResponse(302, '', undefined, { location: latest.page_url }) : noSuchReward();
  }

  private badBody(problem: string): HttpResponse {
    return kiipError(this.parts.settings().badBodyStatus, problem);
  }
}

const PLAIN: Record<number, string> = {
  404: 'There is nothing here.',
  413: 'The request body is too large.',
  429: 'Too many requests. Try again later.',
  500: 'Something went wrong. Please try again.',
  503: 'The service is temporarily unavailable.',
};

function kiipError(status: number, error: string, headers?: Record<string, string>): HttpResponse {
  return jsonResponse(status, { error }, headers);
}
