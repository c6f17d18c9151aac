import type { ComponentChildren } from 'preact';

/** In place of a list without rows: what that means, and what to do. */
export function Empty({ children }: { readonly children?: ComponentChildren }) {
  return <p class="empty">{children}</p>;
}
