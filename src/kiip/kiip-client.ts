import { Injectable } from '@nestjs/common';
import { Config } from '../config/config.js';
import { SecretFileWatcher } from '../config/secret-file-watcher.js';
import { parseInstant } from '../validation/instant.js';
import { UpstreamError } from '../upstream/upstream-error.js';
import type { UpstreamFailure } from '../upstream/upstream-error.js';
import { kiipBody } from './kiip-body.js';
import { UpstreamHttp } from '../upstream/upstream-http.js';
import { mintUserReference } from '../user-references/user-reference.js';
import { UserReferencesService } from '../user-references/user-references.service.js';
import type { KiipMomentRequestDto, MomentDto } from './moment.dto.js';
import { PromisedRewardsService } from '../promised-rewards/promised-rewards.service.js';
import { readPromise } from './promised-reward.js';
import { InvalidRewardError, isRecord, readMoment, rewardOrigins } from './reward.js';
import type { KiipSessionRequestDto, SessionDto } from './session.dto.js';

type Operation = 'session' | 'moment';

/** Calls to Kiip. A POST is retried only if it provably was not sent. */
export class KiipHttp extends UpstreamHttp {}

/**
 * Sessions and moments (docs/vendors/kiip.md, 2 and 3). A user is stored before the call is sent; without that, it is not sent.
 * A reward is stored before the caller hears of it: callbacks are held against it.
 * Both methods throw StorageUnavailableError, and then nothing was sent, or UpstreamError.
 */
@Injectable()
export class KiipClient {
  private readonly rewardOrigins: ReadonlySet<string>;
  private appKey: string;

  constructor(
    private readonly http: KiipHttp,
    private readonly users: UserReferencesService,
    private readonly promisedRewards: PromisedRewardsService,
    private readonly config: Config,
    files: SecretFileWatcher,
  ) {
    this.appKey = config.kiipAppKey;
    files.watch('kiipAppKey', (key) => (this.appKey = key));
    this.rewardOrigins = rewardOrigins(config.kiipRewardHosts ?? [new URL(config.kiipBaseUrl).host]);
  }

  async session(call: KiipSessionRequestDto): Promise<SessionDto> {
    const { body } = await this.send('session', this.config.kiipSessionPath, call);
    return this.http.trackOutcome('session', () => {
      const date = parseInstant(parseBody('session', body)['date']);
      if (date === undefined) throw failure('session', 'invalid_response', 'date is not a date and time');
      return { date };
    });
  }

  async moment(call: KiipMomentRequestDto): Promise<MomentDto> {
    const { body, kiipUserId } = await this.send('moment', this.config.kiipMomentPath, call);
    let promise: ReturnType<typeof readPromise> | undefined;
    try {
      return this.http.trackOutcome('moment', () => {
        const response = parseBody('moment', body);
        promise = readPromise(response, this.config.kiipTestMode);
        return this.readMoment(response);
      });
    } finally {
      // Also for a response that is rejected: Kiip has given the reward, and may send its callback.
      if (promise !== undefined && promise.ids.length > 0) {
        const userId = call.user?.userid;
        const user =
          userId === undefined || kiipUserId === undefined ? undefined : { id: userId, kiipId: kiipUserId };
        await this.promisedRewards.store({ ...promise, momentId: call.moment.id, user });
      }
    }
  }

  private readMoment(response: Readonly<Record<string, unknown>>): MomentDto {
    try {
      return readMoment(response, this.rewardOrigins);
    } catch (error) {
      throw error instanceof InvalidRewardError
        ? failure('moment', 'invalid_response', error.message)
        : error;
    }
  }

  private async send(
    operation: Operation,
    path: string,
    call: KiipSessionRequestDto | KiipMomentRequestDto,
  ): Promise<{ body: string; kiipUserId: string | undefined }> {
    const kiipUserId = await this.toKiipUserId(call.user?.userid);
    const { kiipSdkVersion, kiipTestMode } = this.config;
    const request = kiipBody(call, kiipUserId, { kiipAppKey: this.appKey, kiipSdkVersion, kiipTestMode });
    const { data } = await this.http.postJson(path, request, { operation });
    return { body: data, kiipUserId };
  }

  /** Stores the user. @returns the user's id at Kiip: our own, or a reference */
  private async toKiipUserId(userId: string | undefined): Promise<string | undefined> {
    if (userId === undefined) return undefined;
    if (this.config.kiipUserReference === 'opaque') return this.users.getReference(userId, mintUserReference);
    await this.users.register(userId);
    return userId;
  }
}

function parseBody(operation: Operation, text: string): Readonly<Record<string, unknown>> {
  let json: unknown = {};
  try {
    if (text.trim() !== '') json = JSON.parse(text);
  } catch {
    throw failure(operation, 'invalid_response', 'the response is not JSON');
  }
  if (!isRecord(json)) throw failure(operation, 'invalid_response', 'the response is not a JSON object');
  // An `error` field means failure at any status, as in Kiip's mobile SDKs (docs/vendors/kiip.md, 1). Its text is not logged, since it may contain anything.
  if ((json['error'] ?? null) !== null)
    throw failure(operation, 'rejected', 'the response has an error field');
  return json;
}

function failure(operation: Operation, name: UpstreamFailure, detail: string): UpstreamError {
  return new UpstreamError('kiip', operation, name, detail);
}
