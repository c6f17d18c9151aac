// What a user would write by the book: NestJS on Fastify, @nestjs/axios, @nestjs/cache-manager on Redis, class-validator.
import 'reflect-metadata';
import KeyvRedis from '@keyv/redis';
import { HttpModule, HttpService } from '@nestjs/axios';
import { CACHE_MANAGER, CacheModule } from '@nestjs/cache-manager';
import { Controller, Get, Inject, Module, Query, ValidationPipe } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { IsString, Length } from 'class-validator';
import { firstValueFrom } from 'rxjs';

class User {}
IsString()(User.prototype, 'external_user_id');
Length(1, 256)(User.prototype, 'external_user_id');

class StockController {
  constructor(http, cache) {
    this.http = http;
    this.cache = cache;
  }

  ready() {
    return { status: 'ok' };
  }

  async summary({ external_user_id }) {
    const url = `${process.env.KIGO_BASE_URL}/${external_user_id}`;
    return this.cache.wrap(
      external_user_id,
      async () => (await firstValueFrom(this.http.get(url))).data,
      300_000,
    );
  }
}
Reflect.defineMetadata('design:paramtypes', [HttpService, Object], StockController);
Reflect.defineMetadata('design:paramtypes', [User], StockController.prototype, 'summary');
Inject(HttpService)(StockController, undefined, 0);
Inject(CACHE_MANAGER)(StockController, undefined, 1);
Query()(StockController.prototype, 'summary', 0);
for (const [path, name] of Object.entries({ 'health/ready': 'ready', summary: 'summary' }))
  Get(path)(
    StockController.prototype,
    name,
    Object.getOwnPropertyDescriptor(StockController.prototype, name),
  );
Controller()(StockController);

class StockModule {}
Module({
  imports: [HttpModule, CacheModule.register({ stores: [new KeyvRedis(process.env.REDIS_URL)] })],
  controllers: [StockController],
})(StockModule);

const app = await NestFactory.create(StockModule, new FastifyAdapter(), { logger: ['error', 'warn'] });
app.useGlobalPipes(new ValidationPipe({ transform: true }));
await app.listen(Number(process.env.PORT), '127.0.0.1');
