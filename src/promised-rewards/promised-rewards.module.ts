import { Module } from '@nestjs/common';
import { PromisedRewardsService } from './promised-rewards.service.js';

/** Owns the tables `kiip_promised_rewards` and `kiip_rewarded_moments`: what moments returned. */
@Module({ providers: [PromisedRewardsService], exports: [PromisedRewardsService] })
export class PromisedRewardsModule {}
