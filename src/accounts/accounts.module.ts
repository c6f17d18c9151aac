import { Module } from '@nestjs/common';
import { KigoAuthModule } from '../kigo-auth/kigo-auth.module.js';
import { AccountsController } from './accounts.controller.js';
import { AnswerCounters } from './answer-counters.js';
import { AccountsService } from './accounts.service.js';

/** Maps the callers' user ids to Kigo account ids. */
@Module({
  imports: [KigoAuthModule],
  controllers: [AccountsController],
  providers: [AccountsService, AnswerCounters],
  exports: [AccountsService, AnswerCounters],
})
export class AccountsModule {}
