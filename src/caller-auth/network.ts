/** One user has as many IPv6 addresses as he likes, in one network of 64 bits. @returns an IPv4 address, or such a network */
export function networkOf(address: string): string {
  const ipv4 = /(?:^|^::ffff:)(\d+(?:\.\d+){3})$/i.exec(address)?.[1];
  if (ipv4 !== undefined || !address.includes(':')) return ipv4 ?? address;
  const [head = [], tail] = address.replace(/%.*$/, '').split('::').map(toGroups);
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - head.length - tail.length);
  const groups = [...head, ...Array.from({ length: zeros }, () => 0), ...(tail ?? [])];
  return `${groups
    .slice(0, 4)
    .map((group) => group.toString(16))
    .join(':')}::/64`;
}

function toGroups(text: string): number[] {
  return text
    .split(':')
    .filter((group) => group !== '')
    .map((group) => Number.parseInt(group, 16));
}
