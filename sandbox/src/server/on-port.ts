/**
 * Starts something on the port that a variable names, or on the standard one.
 * @throws one clear sentence when the variable is no port or the port is taken
 */
export async function onPort<T>(
  [variable, standard]: [variable: string, standard: number],
  start: (port: number) => Promise<T>,
): Promise<T> {
  const port = Number(process.env[variable] || standard);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new Error(`${variable} must be a port number.`);
  try {
    return await start(port);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE')
      throw new Error(`Port ${port} is already in use: set ${variable} to a free one.`, { cause: error });
    throw error;
  }
}

/** An address to connect to: "every interface" is one only for listening. */
export function reachable(url: string): string {
  return url.replace('//0.0.0.0:', '//127.0.0.1:').replace('//[::]:', '//[::1]:');
}
