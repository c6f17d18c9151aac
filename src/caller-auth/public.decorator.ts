import { SetMetadata, applyDecorators } from '@nestjs/common';
import { ApiSecurity } from '@nestjs/swagger';

export const IS_PUBLIC_KEY = 'rewards-gateway:open';

/** Marks routes that need no credential. Every other route does. */
export function Public(): ClassDecorator & MethodDecorator {
  // An empty requirement takes the place of the one that the API description has for all routes.
  return applyDecorators(SetMetadata(IS_PUBLIC_KEY, true), ApiSecurity({}));
}
