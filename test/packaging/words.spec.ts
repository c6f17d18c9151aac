import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
const FOLDERS = '{src,console/src,sandbox/src,sandbox/test,test,docs,k8s,tools,bench,.ci}';
const ROLES =
  'Service|Guard|Interceptor|Worker|Store|Client|Registry|Filter|Pipe|Indicators?|Monitor|Metrics|Authenticator|Watcher|Http|' +
  'Key|Login|Lock|Counters|Cache|ReadThrough|Storage';

/** Old-fashioned or invented words, each with the usual word in its place. */
const FORBIDDEN: Record<string, RegExp> = {
  'anybody who': /\bwhoever\b/i,
  'so that … not': /\blest\b/i,
  disabled: /\bput aside\b/i,
  outcome: /\b(what became of|fate)\b/i,
  unavailable: /\b(is|was|are) away\b/i,
  violation: /\boddit(y|ies)\b/i,
  decision: /\bverdicts?\b/i,
  throttle: /\blanes?\b/i,
  ledger: /\bthe books\b/i,
  'in flight': /\bunder way\b/i,
  has: /\bbears? (a|an|its|the)\b/i,
};

const read = (file: string) => readFileSync(root + file, 'utf8').split('\n');

function findLines(files: string[], pattern: RegExp): string[] {
  return files.flatMap((file) =>
    read(file).flatMap((line, index) => (pattern.test(line) ? [`${file}:${index + 1}: ${line.trim()}`] : [])),
  );
}

describe('the words of the repository', () => {
  const texts = globSync(`{README.md,${FOLDERS}/**/*.{ts,tsx,css,js,cjs,md,yaml}}`, { cwd: root }).filter(
    (file) => !file.includes('node_modules') && !file.endsWith('words.spec.ts'),
  );
  const sources = texts.filter((file) => /^(sandbox\/)?src\//.test(file));

  it.each(Object.entries(FORBIDDEN))('are usual: "%s" instead of %s', (_, pattern) => {
    expect(texts.length).toBeGreaterThan(300);
    expect(findLines(texts, pattern)).toEqual([]);
  });

  it('include SCREAMING_CASE for module constants', () => {
    const lowerCase =
      /^(export )?const [a-z]\w*(: [^=]+)? = (-?\d|'|"|`|\/|\[|true|false|new (Set|Map|RegExp)\b)/;
    expect(findLines(sources, lowerCase)).toEqual([]);
  });

  it('include the role in the name of every provider', () => {
    const providers = sources.flatMap((file) =>
      Array.from(
        read(file)
          .join('\n')
          .matchAll(/^@Injectable\(\)\nexport class (\w+)/gm),
        ([, name]) => name!,
      ),
    );
    expect(providers.length).toBeGreaterThan(20);
    expect(providers.filter((name) => !new RegExp(`(${ROLES})$`).test(name))).toEqual([]);
  });
});
