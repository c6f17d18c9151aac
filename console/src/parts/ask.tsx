import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { Confirm } from './confirm.js';

/** A button that asks before it does something. */
export function Ask(props: {
  /** The text of the button, and of the one that confirms. */
  readonly action: string;
  /** The question. */
  readonly title: string;
  /** What the button says to a screen reader, where several have the same text. */
  readonly label?: string | undefined;
  readonly onConfirm: (reason: string | undefined) => Promise<unknown>;
  readonly reason?: 'optional' | undefined;
  readonly danger?: boolean | undefined;
  readonly disabled?: boolean | undefined;
  readonly children?: ComponentChildren;
}) {
  const { action, title, label, onConfirm, reason, danger, disabled, children } = props;
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <button type="button" aria-label={label} disabled={disabled} onClick={() => setOpen(true)}>
        {action}
      </button>
      {isOpen && (
        <Confirm
          title={title}
          action={action}
          onConfirm={onConfirm}
          onClose={() => setOpen(false)}
          reason={reason}
          danger={danger}
        >
          {children}
        </Confirm>
      )}
    </>
  );
}
