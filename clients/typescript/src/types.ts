import type { OPERATIONS } from './operations.js';
import type { CallOptions } from './options.js';
import type { components, operations } from './schema.js';

/** The schemas of the API by name, such as `Schemas['Issuance']`. */
export type Schemas = components['schemas'];

export type OperationName = keyof typeof OPERATIONS;

/** What a place holds; nothing to know where it is absent. */
type Known<T> = [NonNullable<T>] extends [never] ? unknown : NonNullable<T>;

type Body<O> = O extends { requestBody: { content: { 'application/json': infer B } } }
  ? { body: B }
  : O extends { requestBody?: { content: { 'application/json': infer B } } }
    ? { body?: B }
    : unknown;

/** The parameters of the path and the query together, and the `body`. */
export type Input<N extends OperationName> = Known<operations[N]['parameters']['path']> &
  Known<operations[N]['parameters']['query']> &
  Body<operations[N]>;

type Json<R> = R extends { content: { 'application/json': infer T } } ? T : never;
type Responses<N extends OperationName> = operations[N]['responses'];

/** The body of a 2xx response. */
export type Output<N extends OperationName> = {
  [S in keyof Responses<N>]: S extends 200 | 202 ? Json<Responses<N>[S]> : never;
}[keyof Responses<N>];

/** The operations whose response is a page with a cursor for the next one. */
export type ListName = {
  [N in OperationName]: Output<N> extends { items: unknown[]; next: string | null } ? N : never;
}[OperationName];

/** The lists to which entries are only added at the end, and none is skipped. */
export type FeedName = 'listIssuances' | 'listAuditEntries';

export type ItemOf<N extends ListName> = Output<N> extends { items: (infer T)[] } ? T : never;

/** One method for each operation; without arguments where nothing is required. */
export type Operations = {
  [N in OperationName]: {} extends Input<N>
    ? (input?: Input<N>, options?: CallOptions) => Promise<Output<N>>
    : (input: Input<N>, options?: CallOptions) => Promise<Output<N>>;
};
