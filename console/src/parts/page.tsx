import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

/** The first page keeps the focus of the browser; after that, a screen reader begins at the heading. */
let isFirst = true;

export function Page(props: {
  readonly title: string;
  readonly actions?: ComponentChildren;
  readonly children?: ComponentChildren;
}) {
  const { title, actions, children } = props;
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    // A field with autofocus keeps it.
    const isTaken = document.activeElement?.matches('input, textarea, select');
    if (!isFirst && !isTaken) heading.current?.focus({ preventScroll: true });
    if (!isFirst) scrollTo(0, 0);
    isFirst = false;
  }, []);
  useEffect(() => {
    document.title = title === 'Rewards Gateway' ? title : `${title} · Rewards Gateway`;
  }, [title]);
  return (
    <div class="page">
      <div class="page-head">
        <h1 ref={heading} tabIndex={-1}>
          <bdi>{title}</bdi>
        </h1>
        {actions !== undefined && <div class="actions">{actions}</div>}
      </div>
      {children}
    </div>
  );
}
