/** A reason of the API for people. `…` in it stands for the field that the reason names. */
export interface QuarantineReason {
  readonly title: string;
  /** What it means. */
  readonly meaning: string;
  /** What to check before a decision, and which one is usual. */
  readonly check: string;
}

/** What the API says before the colon of `reason`. */
export const QUARANTINE_REASONS = {
  'field-shape': {
    title: 'Unexpected form of …',
    meaning: 'The signature is valid, but … does not have the form that it may have.',
    check: 'Usually discard. Release only what Kiip has confirmed, value by value.',
  },
  currency: {
    title: 'Unknown currency',
    meaning: 'The currency (…) is not one that KIIP_CURRENCIES lists.',
    check:
      'If the currency is new, add it to KIIP_CURRENCIES and run kiip:reevaluate: that accepts all of its entries. Otherwise discard.',
  },
  cap: {
    title: 'Quantity not allowed',
    meaning: 'KIIP_CURRENCIES does not allow this quantity for the currency.',
    check: 'If the limit is out of date, correct KIIP_CURRENCIES and run kiip:reevaluate. Otherwise discard.',
  },
  quantity: {
    title: 'Quantity is not a number',
    meaning: 'The signed quantity is not a whole number of 1 to 9 digits, so it cannot be counted.',
    check: 'It can only be discarded.',
  },
  'unknown-user': {
    title: 'Unknown user',
    meaning: 'The gateway has never sent this user to Kiip.',
    check: 'Usually discard. Release it only if you know the user.',
  },
  'unknown-user-reference': {
    title: 'Unknown user reference',
    meaning: 'The callback names a user by a reference that this gateway has never issued.',
    check: 'Usually discard. It can be released only once the reference is known.',
  },
  'more-than-one-reading': {
    title: 'Could be for another user',
    meaning: 'The signed text can also be split so that it names another user who is known to Kiip.',
    check: 'Compare the readings below, and ask the user or Kiip which one is right.',
  },
  'too-many-readings': {
    title: 'Too many possible readings',
    meaning: 'The signed text can be split in more ways than the gateway checks.',
    check: 'Ask the user or Kiip. A text like this is often made on purpose.',
  },
  'same-signature-other-fields': {
    title: 'Signature used before',
    meaning: 'An accepted entry has the same signature or signed text, with other fields.',
    check: 'Usually discard: it repeats a callback with changed fields.',
  },
  'same-signature-discarded': {
    title: 'Discarded before',
    meaning: 'An entry with the same signed text and the same meaning has been discarded.',
    check: 'Usually discard, unless the earlier decision was wrong.',
  },
  'same-transaction-other-fields': {
    title: 'Transaction used before',
    meaning: 'An accepted entry has the same transaction, with other fields.',
    check: 'Usually discard: a transaction is credited once.',
  },
  'unknown-reward': {
    title: 'No moment returned this reward',
    meaning: 'No moment of this gateway has returned the transaction.',
    check:
      'Wait some minutes: once the response to the moment is stored, the entry is accepted by itself. Then discard, unless you know the reward, such as one from before an upgrade.',
  },
  'promised-to-another-user': {
    title: 'Promised to another user',
    meaning: 'A moment has returned the transaction for another user.',
    check: 'Usually discard: the reward belongs to the other user.',
  },
  'promised-another-quantity': {
    title: 'Promised with another quantity',
    meaning: 'A moment has returned the transaction with another quantity.',
    check: 'Usually discard. Compare with the promise on the page of the entry.',
  },
} as const satisfies Record<string, QuarantineReason>;

/** Explains a `reason` such as `cap: quantity`. One that this version of the console does not know is shown as it is. */
export function explainReason(reason: string): QuarantineReason {
  const [code = '', field = ''] = reason.split(': ');
  const found = Object.hasOwn(QUARANTINE_REASONS, code)
    ? QUARANTINE_REASONS[code as keyof typeof QUARANTINE_REASONS]
    : {
        title: reason,
        meaning: 'See the page on callbacks in the documentation.',
        check: 'Ask an operator.',
      };
  const name = (text: string) => text.replaceAll('…', field || 'a field');
  return { title: name(found.title), meaning: name(found.meaning), check: name(found.check) };
}
