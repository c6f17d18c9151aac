/** Whether a host, as `URL` writes it, is this machine: what is sent there in plain text leaves it for nobody. */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname);
}
