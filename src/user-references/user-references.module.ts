import { Module } from '@nestjs/common';
import { UserReferencesService } from './user-references.service.js';

/** Owns the table `kiip_user_references`: the users that have been sent to Kiip, with their references. */
@Module({ providers: [UserReferencesService], exports: [UserReferencesService] })
export class UserReferencesModule {}
