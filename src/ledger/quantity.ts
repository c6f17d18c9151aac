/** `20`, never `020`, `20.0`, `2e1` or a full-width digit. */
const QUANTITY = /^[1-9][0-9]{0,8}$/;
export const MAX_QUANTITY_DIGITS = 9;

export function isQuantity(text: string): boolean {
  return QUANTITY.test(text);
}
