/**
 * One answer that is being written on the server. It only takes events in; `follow.ts` brings them, and the
 * conversation keeps the outcome.
 */
import type { Schema } from '$lib/api/client';

export type TurnEvent = Schema<'TurnEvent'>;
export type EndReason = Extract<TurnEvent, { type: 'end' }>['reason'];
export type ToolCall = Schema<'ToolCall'>;

export type TurnStatus = 'waiting' | 'writing' | 'done' | 'stopped' | 'interrupted' | 'failed';

export class Turn {
  text = $state('');
  reasoning = $state('');
  tools = $state.raw<ToolCall[]>([]);
  status = $state<TurnStatus>('waiting');
  error = $state.raw<Schema<'MessageError'> | null>(null);
  usage = $state.raw<Schema<'Provenance'> | null>(null);
  endReason = $state<EndReason | null>(null);
  /** How long it thought, as seen from here; null when the events were replayed and say nothing about time. */
  thoughtMilliseconds = $state<number | null>(null);
  /** The stream was lost and is being taken up again. */
  isReconnecting = $state(false);
  /** Somebody pressed stop and the server has not ended the turn yet. */
  isStopping = $state(false);
  /** Number of the last event seen, to go on from there. */
  lastEvent = $state(0);

  #thinkingSince: number | null = null;

  constructor(
    readonly id: string,
    readonly messageId: string,
    private readonly clock: () => number = () => performance.now(),
  ) {}

  get isActive(): boolean {
    return this.status === 'waiting' || this.status === 'writing';
  }

  /** Takes one event in. The union is closed: a new kind of event does not compile until it is handled here. */
  apply(event: TurnEvent): void {
    switch (event.type) {
      case 'reasoning':
        this.status = 'writing';
        this.#thinkingSince ??= this.clock();
        this.reasoning += event.text;
        return;
      case 'delta':
        this.status = 'writing';
        this.#stopThinking();
        this.text += event.text;
        return;
      case 'tool_call':
        this.status = 'writing';
        this.#stopThinking();
        this.#addToolFragment(event);
        return;
      case 'title':
        return; // The chat's affair, not the answer's.
      case 'error':
        this.error = { content: event.message, code: event.code ?? null };
        return;
      case 'end':
        this.#stopThinking();
        this.usage = event.usage;
        this.endReason = event.reason;
        this.status = statusAfter(event.reason);
        return;
      default:
        event satisfies never;
    }
  }

  /** What the saved message will say, for showing it without asking the server again. */
  outcome(): Partial<Schema<'Message'>> {
    return {
      content: this.text,
      done: true,
      ...(this.reasoning ? { reasoning_content: this.reasoning } : {}),
      ...(this.tools.length > 0 ? { tool_calls: this.tools } : {}),
      ...(this.error ? { error: this.error } : {}),
      ...(this.status === 'stopped' ? { stopped: true } : {}),
      ...(this.usage ? { usage: this.usage } : {}),
    };
  }

  /** Arguments arrive in pieces; the first piece of a call carries its id and name. */
  #addToolFragment(event: Extract<TurnEvent, { type: 'tool_call' }>): void {
    const tools = [...this.tools];
    const known = tools[event.index];
    tools[event.index] = known
      ? { id: known.id || event.id, name: known.name || event.name, arguments: known.arguments + event.arguments }
      : { id: event.id, name: event.name, arguments: event.arguments };
    this.tools = tools.filter(Boolean);
  }

  #stopThinking(): void {
    if (this.#thinkingSince === null || this.thoughtMilliseconds !== null) return;
    const elapsed = this.clock() - this.#thinkingSince;
    // Replayed events arrive all at once; "Thought for 0 s" would be a lie.
    this.thoughtMilliseconds = elapsed >= 300 ? elapsed : null;
    this.#thinkingSince = null;
  }
}

function statusAfter(reason: EndReason): TurnStatus {
  switch (reason) {
    case 'stop':
    case 'length':
    case 'tool_calls':
    case 'content_filter':
      return 'done';
    case 'stopped':
      return 'stopped';
    case 'interrupted':
      return 'interrupted';
    case 'error':
      return 'failed';
    default:
      return reason satisfies never;
  }
}
