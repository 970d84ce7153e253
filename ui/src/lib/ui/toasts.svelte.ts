/** Short messages that pass: something was done and may be undone, or could not be done. */

export interface Toast {
  id: number;
  text: string;
  tone: 'plain' | 'ok' | 'bad';
  action: { label: string; run: () => unknown } | null;
}

export interface NewToast {
  text: string;
  tone?: Toast['tone'];
  action?: Toast['action'];
  /** How long it stays; longer with an action, because reading and deciding takes time. */
  seconds?: number;
}

export class Toasts {
  items = $state.raw<Toast[]>([]);
  #next = 1;

  /** Shows a message; returns its id for `dismiss`. */
  add(toast: NewToast): number {
    const id = this.#next++;
    const action = toast.action ?? null;
    this.items = [...this.items, { id, text: toast.text, tone: toast.tone ?? 'plain', action }];
    setTimeout(() => this.dismiss(id), (toast.seconds ?? (action ? 8 : 5)) * 1000);
    return id;
  }

  dismiss(id: number): void {
    this.items = this.items.filter((toast) => toast.id !== id);
  }
}

export const toasts = new Toasts();
