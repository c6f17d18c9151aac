import { Store, useStore } from './store.js';

/** Where the page is: behind the `#` of its address, so that the server needs no routes and a path has no credential. */
export interface Route {
  /** The decoded segments; empty for the overview. */
  readonly path: readonly string[];
  readonly query: URLSearchParams;
}

const route = new Store(read());
addEventListener('hashchange', () => route.set(read()));

export function useRoute(): Route {
  return useStore(route);
}

/** An address for `href`, such as `href('/deliveries', { status: 'dead' })`. Ids in the path go through `segment()`. */
export function href(path: string, query: Readonly<Record<string, string | undefined>> = {}): string {
  const given = Object.entries(query).filter((entry): entry is [string, string] => Boolean(entry[1]));
  const search = new URLSearchParams(given).toString();
  return `#${path}${search && `?${search}`}`;
}

/** An id as a segment of a path. */
export function segment(id: string): string {
  return encodeURIComponent(id);
}

/** @param to what `href()` returns */
export function navigate(to: string): void {
  location.hash = to;
}

function read(): Route {
  const [path = '', search = ''] = location.hash.replace(/^#\/?/, '').split('?', 2);
  return {
    path: path.split('/').filter(Boolean).map(decode),
    query: new URLSearchParams(search),
  };
}

/** An address that somebody typed may not be decodable. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
