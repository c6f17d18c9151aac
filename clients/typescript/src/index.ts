export { RewardsGatewayClient } from './client.js';
export type { CallOptions, ClientOptions, FollowOptions } from './options.js';
export { GatewayProblem } from './gateway-problem.js';
export type { Input, ItemOf, ListName, OperationName, Output, Schemas } from './types.js';
