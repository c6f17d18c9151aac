import { Injectable } from '@nestjs/common';
import { Config } from '../config/config.js';
import { isInstant, withZone } from '../validation/instant.js';
import { UpstreamError } from '../upstream/upstream-error.js';
import type { UpstreamFailure } from '../upstream/upstream-error.js';
import { kiipBody } from './kiip-body.js';
import { UpstreamHttp } from '../upstream/upstream-http.js';
import { mintUserReference } from '../user-references/user-reference.js';
import { UserReferencesService } from '../user-references/user-references.service.js';
import type { KiipMomentRequestDto, MomentDto } from './moment.dto.js';
import { RewardedMomentsService, extractCurrencyReward } from './rewarded-moments.service.js';
import { InvalidRewardError, isRecord, readMoment } from './reward.js';
import type { KiipSessionRequestDto, SessionDto } from './session.dto.js';

type Operation = 'session' | 'moment';

/** Calls to Kiip. A POST is sent again only if it provably never left. */
export class KiipHttp extends UpstreamHttp {}

/**
 * Sessions and moments (kiip-server-to-server.txt). Whoever goes to Kiip is remembered before: a call for a user who cannot be
 * remembered is not made. Both methods throw StorageUnavailable, and then nothing was sent, or UpstreamError.
 */
@Injectable()
export class KiipClient {
  private readonly rewardHosts: readonly string[];

  constructor(
    private readonly http: KiipHttp,
    private readonly users: UserReferencesService,
    private readonly rewardedMoments: RewardedMomentsService,
    private readonly config: Config,
  ) {
    this.rewardHosts = config.kiipRewardHosts ?? [new URL(config.kiipBaseUrl).host];
  }

  async session(call: KiipSessionRequestDto): Promise<SessionDto> {
    const text = await this.send('session', this.config.kiipSessionPath, call);
    return this.http.trackOutcome('session', () => {
      const { date } = parseBody('session', text);
      if (!isInstant(date))
        throw failure('session', 'invalid_response', 'the answer breaks the contract in date');
      return { date: withZone(date) };
    });
  }

  async moment(call: KiipMomentRequestDto): Promise<MomentDto> {
    const text = await this.send('moment', this.config.kiipMomentPath, call);
    const { moment, promise } = this.http.trackOutcome('moment', () => {
      const answer = parseBody('moment', text);
      try {
        return { moment: readMoment(answer, this.rewardHosts), promise: extractCurrencyReward(answer) };
      } catch (error) {
        throw error instanceof InvalidRewardError
          ? failure('moment', 'invalid_response', error.message)
          : error;
      }
    });
    const userId = call.user?.userid;
    // Without a user, Kiip has nobody to credit.
    if (moment.rewarded && promise && userId !== undefined)
      await this.rewardedMoments.record({ ...promise, momentId: call.moment.id, userId });
    return moment;
  }

  private async send(
    operation: Operation,
    path: string,
    call: KiipSessionRequestDto | KiipMomentRequestDto,
  ): Promise<string> {
    const userid = await this.toKiipUserId(call.user?.userid);
    const body = kiipBody(call, userid, this.config);
    return (await this.http.axiosRef.post<string>(path, body, { operation })).data;
  }

  /** What stands for the user at Kiip, remembered. */
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
    throw failure(operation, 'invalid_response', 'the answer is not JSON');
  }
  if (!isRecord(json)) throw failure(operation, 'invalid_response', 'the answer is not a JSON object');
  // Whatever the status: mobile SDKs 2.0.8 to 3.0.1 read it so. Kiip's sentence may hold anything, and stays here.
  if ((json['error'] ?? null) !== null) throw failure(operation, 'rejected', 'answered with an error');
  return json;
}

function failure(operation: Operation, name: UpstreamFailure, detail: string): UpstreamError {
  return new UpstreamError('kiip', operation, name, detail);
}
