/**
 * Requests that the server wants confirmed first: it answers 403 `step_up_required` to a change of credentials, roles
 * and the like when the last proof of who sits here is older than five minutes. The person is asked in one place, then
 * the same request goes out once more, so no page has to know about it.
 */

/** Asks the person to prove who they are; resolves to whether they did. */
export type Confirm = () => Promise<boolean>;

let confirm: Confirm = () => Promise.resolve(false);

/** Who asks the person. There is one; the last one set wins. */
export function whenConfirmationNeeded(ask: Confirm): void {
  confirm = ask;
}

/** The code of the refusal that a page sees when the person did not confirm. */
export const NOT_CONFIRMED = 'not_confirmed';

/** `fetch` is looked up at each call, not kept from the start, so that tests can stand in for the server. */
export async function fetchConfirmed(request: Request): Promise<Response> {
  const again = request.clone(); // The body of a request can be sent once only.
  const answer = await fetch(request);
  if (!(await wantsConfirmation(answer))) return answer;
  if (await confirm()) return fetch(again);
  const refusal = { detail: 'Nothing was changed, because it was not confirmed.', code: NOT_CONFIRMED };
  return Response.json(refusal, { status: 403 });
}

async function wantsConfirmation(answer: Response): Promise<boolean> {
  if (answer.status !== 403 || !answer.headers.get('content-type')?.includes('json')) return false;
  try {
    const body: unknown = await answer.clone().json();
    return typeof body === 'object' && body !== null && 'code' in body && body.code === 'step_up_required';
  } catch {
    return false; // Not a refusal of ours; whoever called reads it.
  }
}
