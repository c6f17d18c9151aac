// Stock NestJS on Fastify, by the book: @nestjs/axios, @nestjs/cache-manager on Redis, class-validator.
import 'reflect-metadata';
import KeyvRedis from '@keyv/redis';
import { HttpModule, HttpService } from '@nestjs/axios';
import { CACHE_MANAGER, CacheModule } from '@nestjs/cache-manager';
import {
  Body,
  Controller,
  Get,
  HttpCode,
  Inject,
  Injectable,
  Module,
  Post,
  Query,
  ValidationPipe,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { Cache } from 'cache-manager';
import { Type } from 'class-transformer';
import {
  IsDefined,
  IsIn,
  IsInt,
  IsLatitude,
  IsLongitude,
  IsOptional,
  IsString,
  Length,
  ValidateNested,
} from 'class-validator';
import { firstValueFrom } from 'rxjs';

const { KIGO_BASE_URL, KIGO_PARTNER_ID, KIGO_API_KEY, KIIP_BASE_URL, KIIP_APP_KEY, REDIS_URL, PORT } =
  process.env;

class UserQuery {
  @IsString() @Length(1, 256) external_user_id!: string;
  @IsString() @Length(1, 256) external_program_id!: string;
}

class AppDto {
  @IsString() version!: string;
}

class ConnectionDto {
  @IsString() ip!: string;
  @IsOptional() @IsString() carrier?: string;
  @IsString() type!: string;
}

class DeviceDto {
  @IsString() @Length(1, 256) id!: string;
  @IsOptional() @IsString() density?: string;
  @IsString() lang!: string;
  @IsString() locale!: string;
  @IsString() manufacturer!: string;
  @IsString() model!: string;
  @IsString() os!: string;
  @IsString() resolution!: string;
}

class LocationDto {
  @IsLatitude() lat!: number;
  @IsLongitude() lng!: number;
}

class MomentIdDto {
  @IsString() @Length(1, 256) id!: string;
}

class UserDto {
  @IsOptional() @IsInt() age?: number;
  @IsOptional() @IsIn(['m', 'f']) gender?: string;
  @IsOptional() @IsString() @Length(1, 256) userid?: string;
}

class MomentDto {
  @IsDefined() @ValidateNested() @Type(() => AppDto) app!: AppDto;
  @IsDefined() @ValidateNested() @Type(() => ConnectionDto) connection!: ConnectionDto;
  @IsDefined() @ValidateNested() @Type(() => DeviceDto) device!: DeviceDto;
  @IsDefined() @ValidateNested() @Type(() => LocationDto) location!: LocationDto;
  @IsDefined() @ValidateNested() @Type(() => MomentIdDto) moment!: MomentIdDto;
  @IsOptional() @IsString() close_button?: string;
  @IsOptional() @IsString() email_address?: string;
  @IsOptional() @ValidateNested() @Type(() => UserDto) user?: UserDto;
}

interface KiipMoment {
  readonly date: string;
  readonly notification?: { readonly reward_name: string; readonly reward_image_url: string };
  readonly view?: {
    readonly id: string;
    readonly email_bounced: boolean;
    readonly used_date: string | null;
    readonly modal: { message: string; title: string; timeout: number; body_url: string };
  };
}

@Injectable()
class KigoService {
  constructor(
    @Inject(CACHE_MANAGER) private readonly cache: Cache,
    private readonly http: HttpService,
  ) {}

  async getCount(query: UserQuery): Promise<number> {
    const { external_program_id, external_user_id } = query;
    const user = `${external_program_id}:${external_user_id}`;
    const cached = await this.cache.get<number>(`count:${user}`);
    if (cached !== undefined) return cached;
    const account = await this.cache.wrap(
      `account:${user}`,
      async () =>
        (
          await this.get<{ account_id: string }>('/api/v1/accounts', {
            external_program_id,
            external_user_id,
          })
        ).account_id,
      86_400_000,
    );
    const path = `/api/v1/accounts/${encodeURIComponent(account)}/hub-summary`;
    const { unviewed_products } = await this.get<{ unviewed_products: number }>(path);
    await this.cache.set(`count:${user}`, unviewed_products, 300_000);
    return unviewed_products;
  }

  private async get<T>(path: string, params?: Record<string, string>): Promise<T> {
    const token = await this.cache.wrap('token', () => this.logIn(), 1_500_000);
    const headers = { authorization: `Bearer ${token}` };
    const options = { params, headers, timeout: 3000 };
    return (await firstValueFrom(this.http.get<T>(`${KIGO_BASE_URL}${path}`, options))).data;
  }

  private async logIn(): Promise<string> {
    const credentials = { partner_id: KIGO_PARTNER_ID, api_key: KIGO_API_KEY };
    const url = `${KIGO_BASE_URL}/api/v1/auth/sessions`;
    return (await firstValueFrom(this.http.post<{ token: string }>(url, credentials))).data.token;
  }
}

@Injectable()
class KiipService {
  constructor(private readonly http: HttpService) {}

  async sendMoment(dto: MomentDto) {
    const app = { version: dto.app.version, app_key: KIIP_APP_KEY };
    const body = Object.assign({}, dto, { app, sdk_version: '1.0', test: false });
    const url = `${KIIP_BASE_URL}/2.0/server/moment/`;
    const { data } = await firstValueFrom(this.http.post<KiipMoment>(url, body, { timeout: 3000 }));
    const { view, notification } = data;
    const reward = view && {
      id: view.id,
      name: notification?.reward_name,
      image_url: notification?.reward_image_url,
      title: view.modal.title,
      message: view.modal.message,
      timeout_seconds: view.modal.timeout,
      display_url: view.modal.body_url,
      email_bounced: view.email_bounced,
      used_date: view.used_date,
    };
    return { rewarded: reward !== undefined, date: `${data.date}Z`, reward: reward ?? null };
  }
}

@Controller()
class AppController {
  constructor(
    private readonly kigo: KigoService,
    private readonly kiip: KiipService,
  ) {}

  @Get('health/ready')
  ready() {
    return { status: 'ok' };
  }

  @Get('api/user/unviewed-count')
  async count(@Query() query: UserQuery) {
    return { count: await this.kigo.getCount(query) };
  }

  @Post('api/v1/kiip/moments')
  @HttpCode(200)
  moment(@Body() body: MomentDto) {
    return this.kiip.sendMoment(body);
  }
}

@Module({
  imports: [
    HttpModule,
    CacheModule.register(REDIS_URL === undefined ? {} : { stores: [new KeyvRedis(REDIS_URL)] }),
  ],
  controllers: [AppController],
  providers: [KigoService, KiipService],
})
class AppModule {}

const app = await NestFactory.create(AppModule, new FastifyAdapter(), { logger: ['error', 'warn'] });
app.useGlobalPipes(new ValidationPipe({ transform: true, whitelist: true, forbidNonWhitelisted: true }));
await app.listen(Number(PORT), '127.0.0.1');
