import { describe, expect, it } from 'vitest';
import { keyExamples } from './key-examples';
import { matchesAny } from './keys.svelte';

describe('the models of a key', () => {
  it('are all of them when nothing is listed', () => {
    expect(matchesAny('gpt-4o', [])).toBe(true);
  });

  it('are matched as a whole, with a star for anything and no other special sign', () => {
    expect(matchesAny('demo/echo', ['gpt-4o', 'demo/*'])).toBe(true);
    expect(matchesAny('demo', ['demo/*'])).toBe(false);
    expect(matchesAny('gpt-4o-mini', ['gpt-4o'])).toBe(false);
    expect(matchesAny('gpt-4xo', ['gpt-4.o'])).toBe(false);
  });
});

describe('the examples for a key', () => {
  it('name this server and a model, and leave the secret to the environment', () => {
    for (const { code } of keyExamples('https://ai.example.org', 'demo/echo')) {
      expect(code).toContain('https://ai.example.org/v1');
      expect(code).toContain('demo/echo');
      expect(code).toContain('OPENAI_API_KEY');
      expect(code).not.toContain('sk-');
    }
  });
});
