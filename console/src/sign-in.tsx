import { useState } from 'preact/hooks';
import { GatewayProblem } from './api.js';
import { Page } from './parts/page.js';
import { DEMO_KEY, consoleConfig } from './config.js';
import { ProblemNote } from './parts/problem.js';
import { signIn } from './session.js';

/** All that somebody without a credential sees. */
export function SignIn({ message }: { readonly message?: string | undefined }) {
  const [error, setError] = useState<unknown>();
  const [isChecking, setChecking] = useState(false);

  const enter = async (token: string) => {
    setError(undefined);
    setChecking(true);
    try {
      if (!/^[\x21-\x7e]+$/.test(token))
        throw new RangeError(
          'A credential has visible ASCII characters only. Copy it again, without spaces.',
        );
      await signIn(token);
    } catch (failure) {
      setError(failure);
      setChecking(false);
    }
  };
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    void enter((new FormData(event.currentTarget as HTMLFormElement).get('token') as string).trim());
  };

  return (
    <main class="sign-in">
      <Page title="Rewards Gateway">
        {message !== undefined && error === undefined && !isChecking && (
          <p class="note warn" role="status">
            {message}
          </p>
        )}
        {!isSecureContext && (
          <p class="note warn">
            This connection is not encrypted: others on the network can read the credential. Use https, or a
            port that is forwarded to this machine.
          </p>
        )}
        {error !== undefined && (
          <div id="token-problem">
            <SignInProblem error={error} />
          </div>
        )}
        <form onSubmit={submit}>
          <label for="token">API key or token</label>
          <input
            id="token"
            name="token"
            type="password"
            required
            autoFocus
            autoComplete="off"
            spellcheck={false}
            aria-invalid={error instanceof RangeError || isRefused(error)}
            aria-describedby="token-problem token-hint"
          />
          <p id="token-hint" class="hint">
            A credential of a caller of this gateway. It is kept in this tab until you sign out or close it.
          </p>
          <button type="submit" class="primary" disabled={isChecking}>
            {isChecking ? 'Signing in…' : 'Sign in'}
          </button>
          {consoleConfig().sandbox && (
            <button type="button" disabled={isChecking} onClick={() => void enter(DEMO_KEY)}>
              Use the demo key
            </button>
          )}
        </form>
      </Page>
    </main>
  );
}

function isRefused(error: unknown): boolean {
  return error instanceof GatewayProblem && error.status === 401;
}

function SignInProblem({ error }: { readonly error: unknown }) {
  if (isRefused(error))
    return (
      <p class="note bad" role="alert">
        The gateway does not accept this credential. Check that you copied all of it, and that it is for this
        gateway; a token may have expired.
      </p>
    );
  if (error instanceof RangeError)
    return (
      <p class="note bad" role="alert">
        {error.message}
      </p>
    );
  return <ProblemNote error={error} />;
}
