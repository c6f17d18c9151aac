import { useCallback, useEffect, useRef, useState } from 'preact/hooks';

export interface Loaded<T> {
  /** Undefined until it is there. Stays while it is loaded again. */
  readonly data: T | undefined;
  /** Why the last load failed. */
  readonly error: unknown;
  readonly reload: () => void;
}

/** Loads when a component appears and when one of `keys` changes; with `everyMs` again and again, while the tab is visible. */
export function useLoad<T>(
  load: (signal: AbortSignal) => Promise<T>,
  keys: readonly unknown[],
  everyMs?: number,
): Loaded<T> {
  const [{ data, error }, setState] = useState<{ data?: T; error?: unknown }>({});
  const [turn, setTurn] = useState(0);
  const latest = useRef(load);
  latest.current = load;
  const shown = useRef(keys);
  const isOther = !isSame(shown.current, keys);

  useEffect(() => {
    const controller = new AbortController();
    const { signal } = controller;
    let timer: ReturnType<typeof setTimeout> | undefined;
    // What is shown never belongs to another id.
    if (!isSame(shown.current, keys)) setState({});
    shown.current = keys;
    const run = async () => {
      const result = await latest.current(signal).then(
        (data) => ({ data }),
        (error: unknown) => ({ error }),
      );
      if (signal.aborted) return;
      setState((before) => ('error' in result ? { ...before, ...result } : result));
      if (everyMs !== undefined) timer = setTimeout(() => whenVisible(signal, () => void run()), everyMs);
    };
    void run();
    return () => {
      controller.abort();
      clearTimeout(timer);
    };
  }, [...keys, turn]);

  const reload = useCallback(() => setTurn((before) => before + 1), []);
  return isOther ? { data: undefined, error: undefined, reload } : { data, error, reload };
}

export interface Rows<T> {
  readonly rows: readonly T[] | undefined;
  readonly error: unknown;
  /** Loads what failed again: the first page, or the next one. */
  readonly retry: () => void;
  /** Loads the next page; undefined at the end. */
  readonly more: (() => void) | undefined;
  /** From the first page on. */
  readonly reload: () => void;
  /** Shows a row as it is now, in its place. */
  readonly replace: (row: T) => void;
}

interface Page<T> {
  readonly items: readonly T[];
  readonly next?: string | null;
}

/** What has come after the first page. */
interface Rest<T> {
  readonly pages: readonly Page<T>[];
  readonly replaced: ReadonlyMap<string, T>;
  readonly error?: unknown;
}

/**
 * A list, page by page. Lists give a cursor after their last row too, for rows that come later.
 * @param pageSize the `limit` of a page: one with fewer rows is the last
 */
export function useRows<T extends { readonly id?: string }>(
  load: (after: string | undefined, signal: AbortSignal) => Promise<Page<T>>,
  keys: readonly unknown[],
  pageSize = 1,
): Rows<T> {
  const first = useLoad((signal) => load(undefined, signal), keys);
  const [state, setState] = useState<{ of?: Page<T> | undefined; rest: Rest<T> }>({ rest: NOTHING });
  const of = first.data;
  const rest: Rest<T> = state.of === of ? state.rest : NOTHING;
  const shown = useRef(of);
  shown.current = of;
  const last = rest.pages.at(-1) ?? of;
  const next = last && last.items.length >= pageSize ? last.next : undefined;
  const isLoading = useRef(false);

  const change = (to: (before: Rest<T>) => Rest<T>) => {
    // Not when the list has been loaded again meanwhile.
    if (shown.current === of)
      setState((before) => ({ of, rest: to(before.of === of ? before.rest : NOTHING) }));
  };
  const loadNext = async (after: string) => {
    if (isLoading.current) return;
    isLoading.current = true;
    change(({ pages, replaced }) => ({ pages, replaced }));
    try {
      const page = await load(after, new AbortController().signal);
      change(({ pages, replaced }) => ({ pages: [...pages, page], replaced }));
    } catch (error) {
      change((before) => ({ ...before, error }));
    } finally {
      isLoading.current = false;
    }
  };
  const more = next ? () => void loadNext(next) : undefined;
  return {
    rows:
      of && [of, ...rest.pages].flatMap(({ items }) => items.map((row) => rest.replaced.get(row.id!) ?? row)),
    error: first.error ?? rest.error,
    retry: first.error === undefined && more ? more : first.reload,
    more,
    reload: first.reload,
    replace: (row) =>
      change((before) => ({ ...before, replaced: new Map(before.replaced).set(row.id!, row) })),
  };
}

const NOTHING = { pages: [], replaced: new Map<string, never>() };

function isSame(one: readonly unknown[], other: readonly unknown[]): boolean {
  return one.length === other.length && one.every((value, index) => Object.is(value, other[index]));
}

function whenVisible(signal: AbortSignal, then: () => void): void {
  if (!document.hidden) return then();
  document.addEventListener('visibilitychange', () => whenVisible(signal, then), { once: true, signal });
}
