import type { Config } from './config.js';
import { misspeltVariables } from './misspelt-variables.js';

/**
 * Warnings about a configuration that lets everybody call, lets nobody decide, or helps a forger: Kiip signs its fields without separators, so
 * a signed text can be split into fields in more than one way (docs/callbacks-and-ledger.md).
 */
export function configWarnings({
  callerAuth,
  callerScopes = {},
  kiipCurrencies,
  kiipUnknownRewards,
  kiipUnknownUsers,
  kiipUserReference,
  role,
}: Config): string[] {
  const warnings: string[] = [];
  if (callerAuth === 'none')
    warnings.push(
      'CALLER_AUTH is none: anybody who reaches the port reads users and balances, and reports moments for anybody.',
    );
  const canDecide = Object.values(callerScopes).some((scopes) => scopes.includes('ledger:decide'));
  if (callerAuth !== 'none' && role !== 'worker' && !canDecide)
    warnings.push(
      'CALLER_SCOPES gives nobody ledger:decide: callbacks that wait for a decision cannot be released or discarded.',
    );
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

/** Names the variables that nobody reads although they look like ours. A value may be a secret, so none is shown. */
export function misspeltWarnings(env: Readonly<Record<string, string | undefined>>): string[] {
  return misspeltVariables(env).map(({ name, meant }) =>
    meant === undefined
      ? `${name} is not a variable of this service: nobody reads it.`
      : `${name} is not a variable of this service: nobody reads it. Was ${meant} meant?`,
  );
}
