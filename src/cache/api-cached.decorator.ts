import { applyDecorators } from '@nestjs/common';
import { ApiHeader } from '@nestjs/swagger';

/** Documents the request header that bypasses the cache. `CACHED_HEADERS` documents the response headers. */
export function ApiCached(): MethodDecorator {
  return applyDecorators(
    ApiHeader({
      name: 'Cache-Control',
      required: false,
      description: '`no-cache` bypasses the cache and asks Kigo.',
      schema: { type: 'string' },
    }),
  );
}

const headerDoc = (description: string, example: string) => ({
  description,
  schema: { type: 'string' as const, example },
});

/** The headers of a response that may come from the cache. */
export const CACHED_HEADERS = {
  'Cache-Control': headerDoc('How long the response stays fresh', 'private, max-age=270'),
  Age: headerDoc('Seconds since Kigo was asked', '30'),
  'Cache-Status': headerDoc(
    'RFC 9211: `hit`, `fwd=miss`, `fwd=stale`, `fwd=request`, or `hit; detail=stale-if-error` for a stale response while Kigo fails',
    'rewards-gateway; hit',
  ),
};
