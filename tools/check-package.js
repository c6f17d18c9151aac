// `node tools/check-package.js <archive>…`: what publint and Are The Types Wrong find in packages as `npm pack` makes them.
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';

/** Every Node.js that the packages support lets CommonJS require ES modules. */
const ACCEPTED = ['CJSResolvesToESM'];

for (const archive of process.argv.slice(2)) {
  const data = new Uint8Array(readFileSync(archive));
  const { messages, pkg } = await publint({ pack: { tarball: data.buffer }, strict: true });
  const { problems } = await checkPackage(createPackageFromTarballData(data));
  const lines = [
    ...messages.map((message) => formatMessage(message, pkg, { color: false })),
    ...problems.filter(({ kind }) => !ACCEPTED.includes(kind)).map((problem) => JSON.stringify(problem)),
  ];
  for (const line of lines) process.stderr.write(`${pkg.name}: ${line}\n`);
  if (lines.length > 0) process.exitCode = 1;
}
