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
  /** Loads the next page; undefined at the end. */
  readonly more: (() => void) | undefined;
  /** From the first page on. */
  readonly reload: () => void;
}

interface Page<T> {
  readonly items: readonly T[];
  readonly next?: string | null;
}

/**
 * A list, page by page. Lists give a cursor after their last row too, for rows that come later.
 * @param pageSize the `limit` of a page: one with fewer rows is the last
 */
export function useRows<T>(
  load: (after: string | undefined, signal: AbortSignal) => Promise<Page<T>>,
  keys: readonly unknown[],
  pageSize = 1,
): Rows<T> {
  const first = useLoad((signal) => load(undefined, signal), keys);
  const [rest, setRest] = useState<{ of?: Page<T>; pages: Page<T>[]; error?: unknown }>({ pages: [] });
  const pages = rest.of === first.data ? rest.pages : [];
  const last = pages.at(-1) ?? first.data;
  const next = last && last.items.length >= pageSize ? last.next : undefined;
  const isLoading = useRef(false);

  const loadNext = async (after: string) => {
    if (isLoading.current) return;
    isLoading.current = true;
    const of = first.data!;
    try {
      const page = await load(after, new AbortController().signal);
      setRest({ of, pages: [...pages, page] });
    } catch (error) {
      setRest({ of, pages, error });
    } finally {
      isLoading.current = false;
    }
  };
  return {
    rows: first.data && [first.data, ...pages].flatMap(({ items }) => items),
    error: first.error ?? (rest.of === first.data ? rest.error : undefined),
    more: next ? () => void loadNext(next) : undefined,
    reload: first.reload,
  };
}

function isSame(one: readonly unknown[], other: readonly unknown[]): boolean {
  return one.length === other.length && one.every((value, index) => Object.is(value, other[index]));
}

function whenVisible(signal: AbortSignal, then: () => void): void {
  if (!document.hidden) return then();
  document.addEventListener('visibilitychange', () => whenVisible(signal, then), { once: true, signal });
}
