import { useState } from 'preact/hooks';

/** Copies a text. `label` says which, for screen readers: "Copy transaction id". */
export function Copy({ text, label = 'Copy' }: { readonly text: string; readonly label?: string }) {
  const [result, setResult] = useState<'Copied' | 'Copy it by hand'>();
  const copy = async (button: HTMLElement) => {
    const isCopied = await writeToClipboard(text, button).catch(() => false);
    setResult(isCopied ? 'Copied' : 'Copy it by hand');
    setTimeout(() => setResult(undefined), 2_000);
  };
  return (
    <button
      type="button"
      class="copy"
      aria-label={result ?? label}
      title={label}
      onClick={({ currentTarget }) => void copy(currentTarget)}
    >
      <span aria-live="polite">{result ?? 'Copy'}</span>
    </button>
  );
}

/** A page without TLS on another host than localhost has no `navigator.clipboard`. */
async function writeToClipboard(text: string, button: HTMLElement): Promise<boolean> {
  if (isSecureContext) {
    await navigator.clipboard.writeText(text);
    return true;
  }
  const area = document.createElement('textarea');
  area.value = text;
  // Beside the button: outside of a dialog that is open, nothing can be selected.
  button.after(area);
  area.select();
  const isCopied = document.execCommand('copy');
  area.remove();
  button.focus();
  return isCopied;
}
