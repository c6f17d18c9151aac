import { FIELDS_BY_KIND, shiftCharacters, QUANTITY_FORMATS } from './callback-message.js';
import type { CallbackPlan } from './callback-message.js';
import { CALLBACK_FIELDS } from './callback-spec.js';
import type { CallbackSpec } from './callback-spec.js';
import { CALLBACK_VARIANTS } from './callback-variants.js';
import { defined } from '../server/control-input.js';
import type { KiipIds } from './kiip-ids.js';
import type { KiipReward } from './kiip-rewards.js';
import type { KiipSettings } from './kiip-settings.js';

/** What a spec is read against. */
export interface PlanSources {
  settings: KiipSettings;
  ids: KiipIds;
  /** Of the delivery that the spec copies. */
  copyOf?: CallbackPlan;
  /** The reward that the spec names. */
  reward?: KiipReward;
  /** Who gets it when nothing else says so. */
  userId: string;
}

/** Decides everything that the spec leaves open. */
export function planCallback(spec: CallbackSpec, sources: PlanSources): CallbackPlan {
  const { settings, ids, copyOf, reward, userId } = sources;
  const kind = spec.kind ?? copyOf?.kind ?? 'redemption';
  const sameKind = copyOf?.kind === kind;
  const type = spec.type ?? (sameKind ? copyOf.type : settings[`${kind}Type`]);
  const defaults: CallbackPlan['fields'] = {
    content: settings.currencyContent,
    name: settings.currencyName,
    quantity: settings.currencyQuantity,
    user_id: userId,
    transaction_id: ids.id(),
    nonce: `n-${ids.hex(12)}`,
    origin: 'survey',
    ...copyOf?.fields,
    ...(reward && toRewardFields(reward, settings.callbackTransaction)),
  };
  const own = Object.fromEntries(FIELDS_BY_KIND[kind].map((name) => [name, defaults[name]]));
  const others = sameKind ? copyOf.fields : {};
  const given = defined(Object.fromEntries(CALLBACK_FIELDS.map((name) => [name, spec[name]])));
  const asked: CallbackPlan = {
    kind,
    type,
    fields: { ...others, ...own, ...given },
    signature: spec.signature ?? copyOf?.signature ?? 'valid',
    ...defined({ signatureText: spec.signatureText }),
    extra: { ...copyOf?.extra, ...spec.extra },
    duplicateFields: { ...copyOf?.duplicateFields, ...spec.duplicateFields },
  };
  const varied = spec.variant ? CALLBACK_VARIANTS[spec.variant](asked, ids) : asked;
  const { quantity = null } = varied.fields;
  const formed = spec.quantityFormat
    ? {
        ...varied,
        fields: { ...varied.fields, quantity: QUANTITY_FORMATS[spec.quantityFormat](String(quantity ?? '')) },
      }
    : varied;
  return spec.shift ? shiftCharacters(formed, spec.shift) : formed;
}

function toRewardFields(
  reward: KiipReward,
  transaction: KiipSettings['callbackTransaction'],
): CallbackPlan['fields'] {
  const { content, name, quantity, user_id } = reward;
  return { content, name, quantity, user_id, transaction_id: TRANSACTION_IDS[transaction](reward) };
}

const TRANSACTION_IDS: Record<KiipSettings['callbackTransaction'], (reward: KiipReward) => string> = {
  'view-id': ({ view_id }) => view_id,
  'without-prefix': ({ view_id }) => view_id.replace(/^test_/, ''),
  'page-id': ({ page_url }) => new URL(page_url).pathname.split('/')[2]!,
};
