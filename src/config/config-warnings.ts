import type { Config } from './config.js';

/**
 * Warnings about a configuration that helps a forger: Kiip signs its fields without separators, so a signed text can be split
 * into fields in more than one way (docs/callbacks-and-ledger.md).
 */
export function configWarnings({
  kiipCurrencies,
  kiipUnknownRewards,
  kiipUnknownUsers,
  kiipUserReference,
}: Config): string[] {
  const warnings: string[] = [];
  if (kiipCurrencies === undefined)
    warnings.push(
      'KIIP_CURRENCIES is not set: callbacks whose quantity could also be a shorter one, behind a name that ends in a digit, wait for a ' +
        'decision unless the moment promised the quantity. List your currencies.',
    );
  if (kiipUnknownRewards === 'accept')
    warnings.push(
      'KIIP_UNKNOWN_REWARDS is accept: who has the app key can make Kiip sign a reward whose fields can be shifted. Set ' +
        'KIIP_UNKNOWN_REWARDS=quarantine.',
    );
  if (kiipUserReference === 'plain' && kiipUnknownUsers === 'accept')
    warnings.push(
      'KIIP_USER_REFERENCE is plain and KIIP_UNKNOWN_USERS is accept: the fields of callbacks for users that were never sent to ' +
        'Kiip through this gateway can be shifted. Set KIIP_USER_REFERENCE=opaque or KIIP_UNKNOWN_USERS=quarantine.',
    );
  return warnings;
}
