import type { Schemas } from '../api.js';

type Verification = Schemas['IssuanceHistory']['verification'];

/** As many fit beside each other. The JSON of the entry has all of them. */
const MAX_SHOWN = 4;

const FIELDS = [
  ['user_id', 'User'],
  ['quantity', 'Quantity'],
  ['name', 'Name'],
  ['content', 'Content'],
  ['transaction_id', 'Transaction'],
  ['nonce', 'Nonce'],
  ['origin', 'Origin'],
] as const;

type Fields = Partial<Record<(typeof FIELDS)[number][0], string | null>>;

interface Version {
  readonly title: string;
  readonly note: string;
  readonly fields: Fields;
}

/** The fields as they arrived, beside what a moment promised and what else the signed text could mean. */
export function Readings({ entry }: { readonly entry: Schemas['IssuanceHistory'] }) {
  const { quantity_text, promise, readings, readings_complete: complete } = entry.verification;
  const received = { ...entry, quantity: quantity_text };
  const versions: Version[] = [
    { title: 'As received', note: 'What is counted after a release', fields: received },
    ...(promise
      ? [{ title: 'As promised', note: 'What a moment returned', fields: promisedFields(promise) }]
      : []),
    ...readings.slice(0, MAX_SHOWN).map((reading, index) => ({
      title: `Other reading ${index + 1}`,
      note: reading.user_known ? 'This user is known to Kiip' : 'This user was never sent to Kiip',
      fields: reading,
    })),
  ];
  const shown = FIELDS.filter(([field]) => versions.some(({ fields }) => fields[field]));
  const others = readings.length - MAX_SHOWN;
  return (
    <>
      <div class="readings">
        {versions.map(({ title, note, fields }) => (
          <section key={title} aria-label={title} style={{ gridRow: `span ${shown.length + 1}` }}>
            <div>
              <h3>{title}</h3>
              <p class="hint">{note}</p>
            </div>
            <dl>
              {shown.map(([field, name]) => (
                <div key={field}>
                  <dt>{name}</dt>
                  <dd>
                    <Value value={fields[field]} received={received[field]} />
                  </dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
      {!complete && (
        <p class="note bad">
          The signed text has more readings than can be listed: do not release the entry without asking Kiip.
        </p>
      )}
      <p class="hint">
        {readings.length === 0
          ? complete && 'The signed text has no other reading that the rules allow.'
          : 'A signature has no separators between the fields: it fits each of these readings. What differs is marked.'}
        {others > 0 && ` There are ${others} more, in the JSON of the entry.`}
      </p>
    </>
  );
}

function promisedFields({ user_id, quantity }: NonNullable<Verification['promise']>): Fields {
  return { user_id, quantity };
}

function Value({
  value,
  received,
}: {
  readonly value: string | null | undefined;
  readonly received: string | null;
}) {
  if (!value) return <>–</>;
  const text = <bdi class="id">{value}</bdi>;
  return value === received ? text : <mark>{text}</mark>;
}
