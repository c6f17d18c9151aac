const IDS = { external_user_id: 'user123', external_program_id: 'program456' };

/** What to try first, a line each: the badge of one user, to paste into a shell, and the console. */
export function firstSteps(gateway: string, apiKey: string): string {
  const badge = `${gateway}/api/user/unviewed-count?${new URLSearchParams(IDS).toString()}`;
  return [
    `curl -s -H 'Authorization: Bearer ${apiKey}' '${badge}'`,
    `Console: ${gateway}/console/#/play`,
  ].join('\n');
}
