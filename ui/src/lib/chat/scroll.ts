/**
 * Keeps the end of a conversation in view until the reader wants otherwise. Driven by intent, not by position: any
 * upward gesture lets go at once, and only reaching the end holds on again. Nothing ever pulls the reader back.
 */

export interface Scroller {
  /** Goes to the end and stays there. */
  toEnd(): void;
  destroy(): void;
}

/** How near to the end counts as being there, in pixels. */
const NEAR = 24;
const UPWARD_KEYS = new Set(['PageUp', 'ArrowUp', 'Home']);

/** `area` scrolls its only child. `onchange` hears whether the end is held. */
export function holdEnd(area: HTMLElement, onchange: (isHeld: boolean) => void): Scroller {
  const listeners = new AbortController();
  const options = { passive: true, signal: listeners.signal };
  let isHeld = true;
  let lastTop = area.scrollTop;
  let touchStart = 0;

  const atEnd = () => area.scrollHeight - area.scrollTop - area.clientHeight < NEAR;
  const set = (next: boolean) => {
    if (next === isHeld) return;
    isHeld = next;
    onchange(next);
  };
  const letGo = () => {
    if (area.scrollHeight > area.clientHeight) set(false);
  };

  area.addEventListener('wheel', (event) => event.deltaY < 0 && letGo(), options);
  area.addEventListener('keydown', (event) => isUpwardKey(event) && letGo(), options);
  area.addEventListener('touchstart', (event) => (touchStart = event.touches[0]?.clientY ?? 0), options);
  area.addEventListener('touchmove', (event) => (event.touches[0]?.clientY ?? 0) > touchStart + 6 && letGo(), options);
  area.addEventListener(
    'scroll',
    () => {
      // Dragging the scroll bar makes no other event. Content that shrinks also scrolls up, but then ends at the end.
      if (atEnd()) set(true);
      else if (area.scrollTop < lastTop - 2) set(false);
      lastTop = area.scrollTop;
    },
    options,
  );

  const sizes = new ResizeObserver(() => {
    if (isHeld) area.scrollTop = area.scrollHeight;
  });
  sizes.observe(area);
  if (area.firstElementChild) sizes.observe(area.firstElementChild);

  return {
    toEnd() {
      set(true);
      area.scrollTop = area.scrollHeight;
    },
    destroy() {
      listeners.abort();
      sizes.disconnect();
    },
  };
}

function isUpwardKey(event: KeyboardEvent): boolean {
  const isWriting = event.target instanceof Element && event.target.matches('textarea, input');
  return !isWriting && UPWARD_KEYS.has(event.key);
}
