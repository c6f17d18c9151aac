/** What the API says, as it is, behind a switch. */
export function Json({ value, title = 'JSON' }: { readonly value: unknown; readonly title?: string }) {
  return (
    <details class="json">
      <summary>{title}</summary>
      <pre tabIndex={0}>
        <bdi>{JSON.stringify(value, null, 2)}</bdi>
      </pre>
    </details>
  );
}
