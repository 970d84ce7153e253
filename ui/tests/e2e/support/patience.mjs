/** Nothing in a browser test waits without an end. */

/** Milliseconds that one step of a story may take; generous, because build machines are shared. */
export const PATIENCE = 20_000;

/** Settles as `promise` does, or fails naming `what` when that takes too long. */
export async function within(promise, what, milliseconds = PATIENCE) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took longer than ${milliseconds} ms`)), milliseconds);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Asks `probe` again and again until it answers something truthy, and returns that. */
export async function eventually(probe, what, milliseconds = PATIENCE) {
  const end = Date.now() + milliseconds;
  let last;
  while (Date.now() < end) {
    try {
      const answer = await within(probe(), what, Math.max(1, end - Date.now()));
      if (answer) return answer;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${what} did not happen within ${milliseconds} ms${last ? `: ${last.message}` : ''}`);
}
