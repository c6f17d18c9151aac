import { Module } from '@nestjs/common';
import { KnownUsers } from './user-references.service.js';

/** Owns the table of users that have been sent to Kiip, with the reference that stands for each. */
@Module({ providers: [KnownUsers], exports: [KnownUsers] })
export class UserReferencesModule {}
