import { MATCHED, parseFaultRule } from './fault.js';
import type { Fault, FaultRule } from './fault.js';
import { seededRandom } from '../server/random.js';
import type { Call } from '../server/simulated-service.js';

interface ActiveRule {
  id: number;
  rule: Fault;
  left: number;
  random: () => number;
}

/** The fault rules in force, oldest first; the first that matches a call is played on it. */
export class FaultRules {
  private active: ActiveRule[] = [];
  private added = 0;

  constructor(
    private readonly routes: readonly string[],
    private readonly seed: number,
  ) {}

  /**
   * @returns the id of the rule
   * @throws ControlInputError when the rule cannot be played
   */
  add(input: FaultRule): number {
    const given = parseFaultRule(input, this.routes);
    const rule: Fault =
      given.kind === 'fail-twice' ? { times: 2, ...given, kind: 'status', status: 500 } : given;
    this.added += 1;
    // A generator for each rule: what other rules draw does not change which calls this one picks.
    const random = seededRandom(rule.seed ?? this.seed + this.added);
    this.active.push({ id: this.added, rule, left: rule.times ?? Infinity, random });
    return this.added;
  }

  /** The fault for this call, if any; counts it against the rule's `times`. */
  take(call: Call): Fault | undefined {
    const found = this.active.find(({ rule, random }) => {
      return matches(rule, call) && (rule.rate === undefined || random() < rule.rate);
    });
    if (!found) return undefined;
    found.left -= 1;
    if (found.left === 0) this.active = this.active.filter((rule) => rule !== found);
    return found.rule;
  }

  /** Rules that will still be played, with the calls they have left (null: no limit). */
  list(): (Fault & { id: number; left: number | null })[] {
    return this.active.map(({ id, rule, left }) => ({ ...rule, id, left: left === Infinity ? null : left }));
  }

  clear(): void {
    this.active = [];
  }

  /** As `clear`, and restarts the random draws of the rates. */
  reset(): void {
    this.clear();
    this.added = 0;
  }
}

function matches(rule: Fault, call: Call): boolean {
  return MATCHED.every((key) => rule[key] === undefined || rule[key] === call[key]);
}
