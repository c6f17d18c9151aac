/** For the process of a gateway: each SIGUSR2 sets its time of day, an hour ahead, an hour back, and right again. */
export const STEPPING_CLOCK = `
  const OFFSETS = [3_600_000, -3_600_000, 0];
  let offset = 0;
  process.on('SIGUSR2', () => {
    offset = OFFSETS[(OFFSETS.indexOf(offset) + 1) % OFFSETS.length];
  });
  const RealDate = Date;
  globalThis.Date = class Date extends RealDate {
    constructor(...parts) {
      super(...(parts.length === 0 ? [RealDate.now() + offset] : parts));
    }
    static now() {
      return RealDate.now() + offset;
    }
  };
`;
