import { applyDecorators } from '@nestjs/common';
import { ApiHeader } from '@nestjs/swagger';

/** Describes the request header that steers the cache. The answer's headers are described with the answer. */
export function ApiCached(): MethodDecorator {
  return applyDecorators(
    ApiHeader({
      name: 'Cache-Control',
      required: false,
      description: '`no-cache` asks Kigo again, whatever is remembered.',
      schema: { type: 'string' },
    }),
  );
}

const headerDoc = (description: string, example: string) => ({
  description,
  schema: { type: 'string' as const, example },
});

/** The headers of an answer that may come from the cache. */
export const CACHED_HEADERS = {
  'Cache-Control': headerDoc('How long the answer stays fresh', 'private, max-age=270'),
  Age: headerDoc('Seconds since Kigo was asked', '30'),
  'Cache-Status': headerDoc(
    'RFC 9211: `hit`, `fwd=miss`, `fwd=stale`, `fwd=request`, or `hit; detail=stale-if-error` for an old answer while Kigo fails',
    'rewards-gateway; hit',
  ),
};
