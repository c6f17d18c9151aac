interface KeysetPage {
  readonly count: number;
  readonly last_id: string | null;
}

/**
 * Reads a table page by page in the order of a text key, so that no statement runs long.
 * @param readPage reads the next `pageSize` rows after a key; the first call gets the empty string
 */
export async function* keysetPages<Page extends KeysetPage>(
  pageSize: number,
  readPage: (after: string) => Promise<Page>,
): AsyncGenerator<Page> {
  for (let after = ''; ;) {
    const page = await readPage(after);
    yield page;
    if (page.count < pageSize || page.last_id === null) return;
    after = page.last_id;
  }
}
