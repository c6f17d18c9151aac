import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useId, useRef, useState } from 'preact/hooks';
import { ProblemNote } from './problem.js';

/** A question before something is done. It is open while it is rendered; `onClose` is to remove it. */
export function Confirm(props: {
  readonly title: string;
  /** The text of the button that does it. */
  readonly action: string;
  /** It stays open, with the problem, when this fails. */
  readonly onConfirm: (reason: string | undefined) => Promise<unknown>;
  readonly onClose: () => void;
  /** Whether there is a field for a reason. */
  readonly reason?: 'optional' | 'required' | undefined;
  readonly danger?: boolean | undefined;
  readonly children?: ComponentChildren;
}) {
  const { title, action, onConfirm, onClose, reason, danger, children } = props;
  const dialog = useRef<HTMLDialogElement>(null);
  const [error, setError] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const id = useId();
  useLayoutEffect(() => {
    // The browser gives the focus back to where it was, if it is closed while it is still in the page.
    const element = dialog.current!;
    element.showModal();
    return () => element.close();
  }, []);

  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    if (isBusy) return;
    const text = new FormData(event.currentTarget as HTMLFormElement).get('reason');
    setError(undefined);
    setBusy(true);
    try {
      await onConfirm((text as string | null)?.trim() || undefined);
      onClose();
    } catch (failure) {
      setError(failure);
      setBusy(false);
    }
  };

  return (
    <dialog
      ref={dialog}
      class="dialog"
      aria-labelledby={id}
      aria-busy={isBusy}
      // An action that has begun does not stop, and somebody has to see how it ends.
      closedby={isBusy ? 'none' : 'closerequest'}
      onCancel={(event) => isBusy && event.preventDefault()}
      onClose={onClose}
    >
      <form onSubmit={(event) => void submit(event)}>
        <h2 id={id}>{title}</h2>
        {children}
        {reason !== undefined && (
          <label>
            Reason{reason === 'optional' && ' (optional)'}
            <textarea name="reason" rows={2} maxLength={500} required={reason === 'required'} />
          </label>
        )}
        <ProblemNote error={error} isAction />
        <div class="actions">
          <button type="button" disabled={isBusy} onClick={onClose}>
            Cancel
          </button>
          {/* Disabled, it would lose the focus. */}
          <button type="submit" class={danger ? 'danger' : 'primary'} aria-disabled={isBusy}>
            {isBusy ? `${action}…` : action}
          </button>
        </div>
      </form>
    </dialog>
  );
}
