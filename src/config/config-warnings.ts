import type { Config } from './config.js';

/**
 * What a configuration leaves to a forger: Kiip signs its fields without anything between them, so a signed text can be cut in
 * more ways than one (README, "Callbacks that can be trusted").
 */
export function configWarnings({ kiipCurrencies, kiipUnknownUsers, kiipUserReference }: Config): string[] {
  const found: string[] = [];
  if (kiipCurrencies === undefined)
    found.push(
      'KIIP_CURRENCIES is not set: a currency whose name or content ends in a digit can be inflated. List your currencies.',
    );
  if (kiipUserReference === 'plain' && kiipUnknownUsers === 'accept')
    found.push(
      'KIIP_USER_REFERENCE is plain and KIIP_UNKNOWN_USERS is accept: callbacks for users that never went to Kiip through this ' +
        'gateway can be cut differently. Set KIIP_USER_REFERENCE=opaque or KIIP_UNKNOWN_USERS=quarantine.',
    );
  return found;
}
