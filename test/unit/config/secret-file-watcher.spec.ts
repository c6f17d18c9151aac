import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SecretFileWatcher } from '../../../src/config/secret-file-watcher.js';
import { read } from '../../support/config.js';
import { waitFor } from '../../support/wait-for.js';

describe('the watcher of secret files', () => {
  it('goes on with this and the other files after a listener throws', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'secrets-'));
    const files = { key: join(folder, 'key'), secrets: join(folder, 'secrets') };
    await writeFile(files.key, 'first-key');
    await writeFile(files.secrets, 'first-secret');
    const config = read({
      KIGO_API_KEY: undefined,
      KIGO_API_KEY_FILE: files.key,
      KIIP_APP_SECRETS: undefined,
      KIIP_APP_SECRETS_FILE: files.secrets,
    });
    const watcher = new SecretFileWatcher(config);
    const received: unknown[] = [];
    watcher.watch('kigoApiKey', (key) => {
      received.push(key);
      throw new TypeError('a listener failed');
    });
    watcher.watch('kiipAppSecrets', (secrets) => received.push(secrets));

    await writeFile(files.key, 'second-key');
    await waitFor('the new key', () => received.includes('second-key'));
    await writeFile(files.secrets, 'second-secret');
    await writeFile(files.key, 'third-key');
    await waitFor('both new values', () => received.length === 3);
    expect(received).toEqual(expect.arrayContaining(['second-key', 'third-key', ['second-secret']]));

    const reloads = () =>
      Object.fromEntries([...watcher.reloads()].map(([name, { successful }]) => [name, successful]));
    expect(reloads()).toEqual({ KIGO_API_KEY: false, KIIP_APP_SECRETS: true });
    const { succeededAt } = watcher.reloads().get('KIIP_APP_SECRETS')!;
    await writeFile(files.secrets, '');
    await waitFor('the failure is told', () => reloads()['KIIP_APP_SECRETS'] === false);
    expect(watcher.reloads().get('KIIP_APP_SECRETS')).toEqual({ successful: false, succeededAt });
    await writeFile(files.secrets, 'second-secret');
    await waitFor('the value that is in use is back', () => reloads()['KIIP_APP_SECRETS'] === true);

    watcher.onModuleDestroy();
    await rm(folder, { recursive: true });
  });
});
