/** The question "is it you?", asked once however many requests wait for the answer. */
import { whenConfirmationNeeded } from '$lib/api/confirmation';
import { session } from '$lib/session.svelte';

type Answer = (confirmed: boolean) => void;

export class StepUp {
  isAsking = $state(false);
  #waiting: Answer[] = [];

  /** Opens the dialog; resolves to whether the person confirmed. */
  ask(): Promise<boolean> {
    this.isAsking = true;
    return new Promise((answer) => this.#waiting.push(answer));
  }

  /** Closes the dialog and lets everything that waited go on. */
  settle(confirmed: boolean): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.isAsking = false;
    for (const answer of waiting) answer(confirmed);
  }
}

export const stepUp = new StepUp();
whenConfirmationNeeded(() => stepUp.ask());
session.onEnd(() => stepUp.settle(false));
