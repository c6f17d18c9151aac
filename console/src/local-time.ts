/** A time as an input of the type `datetime-local` takes it: in the viewer's zone, without the zone. */
export function toLocalInput(time: Date): string {
  const shifted = new Date(time.getTime() - time.getTimezoneOffset() * 60_000);
  return shifted.toISOString().slice(0, 19);
}

/** @returns undefined while the input is incomplete */
export function fromLocalInput(value: string): Date | undefined {
  const time = new Date(value);
  return Number.isNaN(time.getTime()) ? undefined : time;
}
