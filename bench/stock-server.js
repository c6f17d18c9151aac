// What a user would write by the book: NestJS on Express, @nestjs/axios as it comes, @nestjs/cache-manager in memory.
// With STOCK=guarded also an API key guard, class-validator on the query and an access log by pino-http, as the gateway has.
import 'reflect-metadata';
import { createHash, timingSafeEqual } from 'node:crypto';
import { HttpModule, HttpService } from '@nestjs/axios';
import { CACHE_MANAGER, CacheModule } from '@nestjs/cache-manager';
import { Controller, Get, Inject, Module, Query, ValidationPipe } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { IsString, Length } from 'class-validator';
import { pinoHttp } from 'pino-http';
import { ExpressAdapter } from '@nestjs/platform-express';
import { firstValueFrom } from 'rxjs';

const { KIGO_BASE_URL, KIGO_PARTNER_ID, KIGO_API_KEY } = process.env;

class User {}
for (const member of ['external_user_id', 'external_program_id']) {
  IsString()(User.prototype, member);
  Length(1, 256)(User.prototype, member);
}

class StockController {
  constructor(http, cache) {
    this.http = http;
    this.cache = cache;
  }

  async unviewedCount({ external_user_id, external_program_id }) {
    const key = `count:${external_user_id}:${external_program_id}`;
    const cached = await this.cache.get(key);
    if (cached !== undefined) return { count: cached };
    const token = await this.cache.wrap('token', () => this.logIn(), 1_500_000);
    const headers = { authorization: `Bearer ${token}` };
    const account = await this.get(`/api/v1/accounts`, {
      headers,
      params: { external_user_id, external_program_id },
    });
    const summary = await this.get(`/api/v1/accounts/${account.account_id}/hub-summary`, { headers });
    await this.cache.set(key, summary.unviewed_products, 300_000);
    return { count: summary.unviewed_products };
  }

  async logIn() {
    const body = { partner_id: KIGO_PARTNER_ID, api_key: KIGO_API_KEY };
    return (await firstValueFrom(this.http.post(`${KIGO_BASE_URL}/api/v1/auth/sessions`, body))).data.token;
  }

  async get(path, options) {
    return (await firstValueFrom(this.http.get(KIGO_BASE_URL + path, options))).data;
  }
}
Reflect.defineMetadata('design:paramtypes', [HttpService, Object], StockController);
Reflect.defineMetadata('design:paramtypes', [User], StockController.prototype, 'unviewedCount');
Inject(HttpService)(StockController, undefined, 0);
Inject(CACHE_MANAGER)(StockController, undefined, 1);
Query()(StockController.prototype, 'unviewedCount', 0);
Get('api/user/unviewed-count')(
  StockController.prototype,
  'unviewedCount',
  Object.getOwnPropertyDescriptor(StockController.prototype, 'unviewedCount'),
);
Controller()(StockController);

class StockModule {}
Module({ imports: [HttpModule, CacheModule.register()], controllers: [StockController] })(StockModule);

const app = await NestFactory.create(StockModule, new ExpressAdapter(), { logger: false });
if (process.env.STOCK === 'guarded') {
  app.use(pinoHttp());
  app.useGlobalPipes(new ValidationPipe({ transform: true }));
  const known = digest(process.env.API_KEYS.split(':')[1]);
  app.useGlobalGuards({
    canActivate: (context) => {
      const { authorization = '' } = context.switchToHttp().getRequest().headers;
      return timingSafeEqual(known, digest(authorization.replace('Bearer ', '')));
    },
  });
}
await app.listen(Number(process.env.PORT), '127.0.0.1');

function digest(text) {
  return createHash('sha256').update(text).digest();
}
