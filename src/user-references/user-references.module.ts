import { Module } from '@nestjs/common';
import { UserReferencesService } from './user-references.service.js';

/** Owns the table of users that have been sent to Kiip, with the reference that stands for each. */
@Module({ providers: [UserReferencesService], exports: [UserReferencesService] })
export class UserReferencesModule {}
