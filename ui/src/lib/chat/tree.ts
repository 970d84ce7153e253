/**
 * A chat is a tree: editing a question or asking again makes a sibling, and one leaf is current. Pure functions over
 * the server's shape; nothing here changes its argument.
 */
import type { Schema } from '$lib/api/client';

export type Message = Schema<'Message'>;
export type History = Schema<'History'>;

/** The messages from the root to `id`. A damaged tree (missing parent, circle) yields what can be reached. */
export function pathTo(history: History, id: string | null): Message[] {
  const path: Message[] = [];
  const seen = new Set<string>();
  for (let at = id; at !== null && !seen.has(at); ) {
    seen.add(at);
    const message: Message | undefined = history.messages[at];
    if (!message) break;
    path.push(message);
    at = message.parentId;
  }
  return path.reverse();
}

/** Ids of a message and its alternatives, oldest first. */
export function siblings(history: History, message: Message): string[] {
  const parent = message.parentId === null ? null : history.messages[message.parentId];
  if (parent) return parent.childrenIds.filter((id) => history.messages[id]);
  return Object.values(history.messages)
    .filter((other) => other.parentId === null || !history.messages[other.parentId])
    .sort((a, b) => a.timestamp - b.timestamp)
    .map((other) => other.id);
}

/** The newest end of the branch that goes through `id`. */
export function leafUnder(history: History, id: string): string {
  const seen = new Set<string>();
  let at = id;
  while (!seen.has(at)) {
    seen.add(at);
    const next = history.messages[at]?.childrenIds.findLast((child) => history.messages[child]);
    if (next === undefined) break;
    at = next;
  }
  return at;
}

/** A history with `message` added below its parent and made current; replaces a message of the same id. */
export function withMessage(history: History, message: Message): History {
  const messages = { ...history.messages, [message.id]: message };
  const parent = message.parentId === null ? undefined : messages[message.parentId];
  if (parent && !parent.childrenIds.includes(message.id)) {
    messages[parent.id] = { ...parent, childrenIds: [...parent.childrenIds, message.id] };
  }
  return { currentId: message.id, messages };
}

/** A history with some fields of one message changed; the same history when the message is not there. */
export function withChange(history: History, id: string, change: Partial<Message>): History {
  const message = history.messages[id];
  if (!message) return history;
  return { ...history, messages: { ...history.messages, [id]: { ...message, ...change } } };
}
