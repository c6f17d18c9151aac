import { ID_LENGTH, KIIP_ID } from './field-rules.js';

const TEST_PREFIX = 'test_';
const SURROGATE = /[\ud800-\udfff]/;
const DIGIT_ZERO = '0'.charCodeAt(0);
const DIGIT_NINE = '9'.charCodeAt(0);
const TRANSACTION_AT = new RegExp(KIIP_ID, 'y');
const FIRST_HYPHEN = 8;

/** A text that is split between code points: half of a surrogate pair cannot be part of a field. */
export class CodePoints {
  readonly transactions: readonly [start: number, end: number][];

  private constructor(
    readonly text: string,
    /** Where each code point starts; undefined if that is its index. */
    private readonly offsets: readonly number[] | undefined,
  ) {
    this.transactions = this.findTransactions();
  }

  static of(text: string): CodePoints {
    if (!SURROGATE.test(text)) return new CodePoints(text, undefined);
    const offsets = [0];
    let offset = 0;
    for (const point of text) offsets.push((offset += point.length));
    return new CodePoints(text, offsets);
  }

  get length(): number {
    return this.offsets ? this.offsets.length - 1 : this.text.length;
  }

  /** The index of the code point that starts at an offset in UTF-16 units. */
  indexAt(offset: number): number {
    // The offsets grow by one or two for each code point.
    return this.offsets?.indexOf(offset, Math.floor(offset / 2)) ?? offset;
  }

  slice(start: number, end: number): string {
    return this.text.slice(this.offsetOf(start), this.offsetOf(end));
  }

  isDigit(index: number): boolean {
    const unit = this.text.charCodeAt(this.offsetOf(index));
    return unit >= DIGIT_ZERO && unit <= DIGIT_NINE;
  }

  isZero(index: number): boolean {
    return this.text.charCodeAt(this.offsetOf(index)) === DIGIT_ZERO;
  }

  private offsetOf(index: number): number {
    return this.offsets ? this.offsets[index]! : index;
  }

  /** Where a transaction may start and end, in the order of the ends. */
  private findTransactions(): [start: number, end: number][] {
    const found: [start: number, end: number][] = [];
    // Each is tried, since two ids may overlap.
    for (
      let hyphen = this.text.indexOf('-', FIRST_HYPHEN);
      hyphen !== -1;
      hyphen = this.text.indexOf('-', hyphen + 1)
    ) {
      const index = hyphen - FIRST_HYPHEN;
      TRANSACTION_AT.lastIndex = index;
      if (!TRANSACTION_AT.test(this.text)) continue;
      const id = this.indexAt(index);
      const start = id - TEST_PREFIX.length;
      const end = id + ID_LENGTH;
      if (start >= 0 && this.slice(start, id) === TEST_PREFIX) found.push([start, end]);
      found.push([id, end]);
    }
    return found;
  }
}
