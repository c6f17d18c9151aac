import type { CallbackRules } from '../../../src/kiip-callbacks/field-rules.js';
import type { SignatureScheme } from '../../../src/kiip-callbacks/kiip-signature.js';

/**
 * Finds the parses of a signed text by brute force: it tries every split and checks each piece against the rule of its
 * field. It shares no code with the search that it is compared to.
 */
export function naiveParses(text: string, rules: CallbackRules): Set<string> {
  const found = new Set<string>();
  const schemes: [SignatureScheme, string[]][] = [
    ['redemption', ['content', 'name', 'quantity', 'user_id', 'transaction_id']],
    ['issuance', ['content', 'quantity', 'user_id', 'transaction_id', 'nonce', 'origin']],
  ];
  if (rules.legacySignature)
    schemes.push(['legacy-redemption', ['content', 'quantity', 'user_id', 'transaction_id']]);
  const characters = Array.from(text);
  for (const [scheme, fields] of schemes) {
    const visit = (index: number, from: number, values: Record<string, string>): void => {
      const field = fields[index];
      if (field === undefined) {
        if (fits(scheme, values, rules)) found.add(parseKey(scheme, values));
        return;
      }
      if (index === fields.length - 1) {
        // The last piece must reach the end of the text.
        const rest = characters.slice(from).join('');
        if (!hasControl(rest) && rest !== '' && fieldFits(scheme, field, rest, rules)) {
          visit(index + 1, characters.length, { ...values, [field]: rest });
        }
        return;
      }
      const longest = { quantity: 9, transaction_id: 41 }[field] ?? 256;
      let piece = '';
      for (let to = from; to < Math.min(characters.length, from + longest); to += 1) {
        const character = characters[to] ?? '';
        if (hasControl(character)) return;
        piece += character;
        if (!fieldFits(scheme, field, piece, rules)) continue;
        visit(index + 1, to + 1, { ...values, [field]: piece });
      }
    };
    visit(0, 0, {});
  }
  return found;
}

export function parseKey(scheme: SignatureScheme, fields: object): string {
  const values: Readonly<Record<string, string | undefined>> = { ...fields };
  const { content, name = '-', quantity, user_id, transaction_id, nonce = '-', origin = '-' } = values;
  return [scheme, content, name, quantity, user_id, transaction_id, nonce, origin].join(' | ');
}

function hasControl(text: string): boolean {
  return /\p{Cc}/u.test(text);
}

function fieldFits(scheme: SignatureScheme, field: string, piece: string, rules: CallbackRules): boolean {
  const digitLast = '0123456789'.includes(piece.at(-1) ?? ' ');
  switch (field) {
    case 'quantity':
      return (
        String(Number(piece)) === piece &&
        Number(piece) >= 1 &&
        Number(piece) <= 999_999_999 &&
        !/\D/.test(piece)
      );
    case 'transaction_id':
      return piece.length >= 36 && isId(piece.startsWith('test_') ? piece.slice(5) : piece);
    case 'user_id':
      return (
        rules.userReference === 'plain' ||
        (piece.startsWith('ku_') && /^[^ILOUa-z\W_]{26}$/.test(piece.slice(3)))
      );
    case 'name':
      return rules.currencies !== undefined || !digitLast;
    case 'content':
      if (rules.currencies !== undefined) return piece in rules.currencies;
      if (piece.length === 36 && isId(piece)) return true;
      if (digitLast || /^[\da-f]{8}-/i.test(piece)) return false;
      return scheme === 'issuance' || (!/[^a-z0-9_.-]/.test(piece) && /[a-z]/.test(piece.charAt(0)));
    default:
      return true;
  }
}

/** Checks the rules about two fields. Splits of nonce and origin that cannot be distinguished become one. */
function fits(scheme: SignatureScheme, values: Record<string, string>, rules: CallbackRules): boolean {
  const { content = '', name = '', nonce = '', origin = '' } = values;
  if (scheme === 'redemption' && rules.currencies !== undefined)
    return rules.currencies[content]?.name === name;
  if (scheme === 'redemption' && !isId(content)) return /[^a-z0-9_.-]/.test(name.charAt(0));
  if (scheme !== 'issuance') return true;
  const tail = nonce + origin;
  const documented = ['survey', 'other'].find((end) => tail.length > end.length && tail.endsWith(end));
  if (documented !== undefined) return origin === documented;
  values['nonce'] = tail;
  values['origin'] = '';
  return true;
}

function isId(piece: string): boolean {
  return (
    piece
      .split('-')
      .map((group) => (/^[0-9a-f]+$/i.test(group) ? group.length : 0))
      .join() === '8,4,4,4,12'
  );
}
