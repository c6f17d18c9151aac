import { SetMetadata, applyDecorators } from '@nestjs/common';
import { ApiSecurity } from '@nestjs/swagger';

export const openMetadata = 'rewards-gateway:open';

/** Marks routes that need no credential. Every other route does. */
export function Open(): ClassDecorator & MethodDecorator {
  // An empty requirement takes the place of the one that the API description has for all routes.
  return applyDecorators(SetMetadata(openMetadata, true), ApiSecurity({}));
}
