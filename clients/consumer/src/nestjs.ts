import { Controller, Inject, Module, Post, Req, Res } from '@nestjs/common';
import type { DynamicModule, FactoryProvider, ModuleMetadata, Type } from '@nestjs/common';
import { RewardsConsumer } from './consumer.js';
import type { ReceivedHeaders } from './verify.js';

/** Whatever its transactions are. */
type AnyConsumer = Pick<RewardsConsumer<unknown>, 'receive'>;

interface AsyncOptions {
  /** Of the route: `events` unless given. */
  readonly path?: string;
  /** Of the controller, such as one that lets requests through a guard: the signature is the credential. */
  readonly decorators?: readonly ClassDecorator[];
  readonly imports?: NonNullable<ModuleMetadata['imports']>;
  readonly inject?: NonNullable<FactoryProvider['inject']>;
  readonly useFactory: FactoryProvider<AnyConsumer>['useFactory'];
}

/** A request of Express or Fastify, in an application that was created with `rawBody: true`. */
interface RawRequest {
  readonly headers: ReceivedHeaders;
  readonly rawBody?: Uint8Array;
  readonly body?: unknown;
}

/** A response of Express or Fastify. */
interface AnyResponse {
  status(status: number): unknown;
  header(name: string, value: string): unknown;
  send(body: string): unknown;
}

/** Receives events at a route, and provides the RewardsConsumer. The application needs `rawBody: true`. */
@Module({})
export class RewardsConsumerModule {
  static forRootAsync(options: AsyncOptions): DynamicModule {
    const { path = 'events', decorators = [], imports = [], inject = [], useFactory } = options;
    return {
      module: RewardsConsumerModule,
      imports,
      controllers: [createController(path, decorators)],
      providers: [{ provide: RewardsConsumer, inject, useFactory }],
      exports: [RewardsConsumer],
    };
  }
}

function createController(path: string, decorators: readonly ClassDecorator[]): Type {
  @Controller(path)
  class EventsController {
    constructor(@Inject(RewardsConsumer) private readonly consumer: AnyConsumer) {}

    @Post()
    async receive(@Req() request: RawRequest, @Res() response: AnyResponse): Promise<void> {
      const { status, headers, body } = await this.consumer.receive(request.headers, () => bodyOf(request));
      response.status(status);
      for (const [name, value] of Object.entries(headers)) response.header(name, value);
      response.send(body);
    }
  }
  for (const decorate of decorators) decorate(EventsController);
  return EventsController;
}

function bodyOf({ rawBody, body }: RawRequest): Uint8Array {
  if (rawBody) return rawBody;
  // Not JSON, so nothing that the gateway has signed.
  if (Object.keys(body ?? {}).length === 0) return new Uint8Array();
  throw new Error(
    'The event has no raw body, which its signature is over: NestFactory.create(AppModule, { rawBody: true }).',
  );
}
