import { Module } from '@nestjs/common';
import { AccountsModule } from '../accounts/accounts.module.js';
import { KigoAuthModule } from '../kigo-auth/kigo-auth.module.js';
import { CountRefreshService } from './count-refresh.service.js';
import { HubSummaryController } from './hub-summary.controller.js';
import { HubSummaryService } from './hub-summary.service.js';
import { UnviewedCountsService } from './unviewed-counts.service.js';
import { WarmCountsService } from './warm-counts.service.js';

/** Serves the unviewed counts of users, one or many at once, and the hub summaries that they come from. */
@Module({
  imports: [KigoAuthModule, AccountsModule],
  controllers: [HubSummaryController],
  providers: [HubSummaryService, UnviewedCountsService, WarmCountsService, CountRefreshService],
})
export class HubSummaryModule {}
