import { Copy } from './copy.js';

/** An id or a name: isolated and wrapped, since it may hold anything. With `href`, it leads to its page. */
export function Id(props: { readonly value: string; readonly href?: string; readonly copy?: string }) {
  const { value, href, copy } = props;
  const text = <bdi class="id">{value}</bdi>;
  return (
    <span class="id-line">
      {href === undefined ? text : <a href={href}>{text}</a>}
      {copy !== undefined && <Copy text={value} label={copy} />}
    </span>
  );
}
