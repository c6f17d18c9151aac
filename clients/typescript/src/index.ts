export { RewardsGatewayClient } from './client.js';
export type { CallOptions, ClientOptions, FollowOptions } from './options.js';
export { GatewayProblem, idempotencyKeyOf } from './gateway-problem.js';
export type { FeedName, Input, ItemOf, ListName, OperationName, Output, Schemas } from './types.js';
