import { Fragment } from 'preact';
import type { ComponentChildren } from 'preact';
import { Empty } from './empty.js';
import { Loading } from './loading.js';

export interface Column<T> {
  readonly title: string;
  readonly cell: (row: T) => ComponentChildren;
  readonly numeric?: boolean;
}

/** Rows with check boxes. */
export interface Selection<T> {
  readonly selected: ReadonlySet<string>;
  readonly onChange: (selected: ReadonlySet<string>) => void;
  /** What the check box of a row says to a screen reader. */
  readonly label: (row: T) => string;
  /** Whether a row has a check box; all have unless given. */
  readonly isSelectable?: (row: T) => boolean;
}

interface Properties<T> {
  readonly caption: string;
  readonly columns: readonly Column<T>[];
  /** Undefined while they are loaded. */
  readonly rows: readonly T[] | undefined;
  readonly rowKey: (row: T) => string;
  /** Shown when there are no rows: what that means, and what to do. */
  readonly empty: ComponentChildren;
  readonly more?: (() => void) | undefined;
  readonly select?: Selection<T> | undefined;
  /** What is shown below a row; undefined for nothing. */
  readonly detail?: (row: T) => ComponentChildren;
}

/** On a narrow screen each row is a block. The roles are those of a table all the same, which `display` would take away. */
export function Table<T>(props: Properties<T>) {
  const { caption, columns, rows, rowKey, empty, more, select, detail } = props;
  if (rows === undefined) return <Loading lines={5} />;
  if (rows.length === 0) return <Empty>{empty}</Empty>;
  return (
    <>
      <table role="table" class="table">
        <caption class="visually-hidden">{caption}</caption>
        <thead role="rowgroup">
          <tr role="row">
            {select && (
              <th role="columnheader" class="select">
                <SelectAll rows={rows} rowKey={rowKey} select={select} />
              </th>
            )}
            {columns.map(({ title, numeric }) => (
              <th key={title} role="columnheader" scope="col" class={numeric ? 'numeric' : undefined}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {rows.map((row) => (
            <Fragment key={rowKey(row)}>
              <tr role="row">
                {select && (
                  <td role="cell" class="select">
                    {select.isSelectable?.(row) !== false && (
                      <input
                        type="checkbox"
                        aria-label={select.label(row)}
                        checked={select.selected.has(rowKey(row))}
                        onChange={() => select.onChange(toggled(select.selected, rowKey(row)))}
                      />
                    )}
                  </td>
                )}
                {columns.map(({ title, cell, numeric }) => (
                  <td key={title} role="cell" data-title={title} class={numeric ? 'numeric' : undefined}>
                    <div>{cell(row)}</div>
                  </td>
                ))}
              </tr>
              <Detail columns={columns.length + (select ? 1 : 0)}>{detail?.(row)}</Detail>
            </Fragment>
          ))}
        </tbody>
      </table>
      {more && (
        <button type="button" class="more" onClick={more}>
          Show more
        </button>
      )}
    </>
  );
}

function Detail({ columns, children }: { readonly columns: number; readonly children?: ComponentChildren }) {
  if (children === undefined) return null;
  return (
    <tr role="row" class="detail">
      <td role="cell" colSpan={columns}>
        {children}
      </td>
    </tr>
  );
}

function SelectAll<T>({
  rows,
  rowKey,
  select,
}: Required<Pick<Properties<T>, 'rowKey'>> & {
  readonly rows: readonly T[];
  readonly select: Selection<T>;
}) {
  const keys = rows.filter((row) => select.isSelectable?.(row) !== false).map(rowKey);
  const hasAll = keys.length > 0 && keys.every((key) => select.selected.has(key));
  return (
    <input
      type="checkbox"
      aria-label="Select all rows"
      checked={hasAll}
      indeterminate={!hasAll && select.selected.size > 0}
      onChange={() => select.onChange(new Set(hasAll ? [] : keys))}
    />
  );
}

/** The set with the key, or without it if it was there. */
export function toggled(selected: ReadonlySet<string>, key: string): ReadonlySet<string> {
  const next = new Set(selected);
  if (!next.delete(key)) next.add(key);
  return next;
}
