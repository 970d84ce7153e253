import { describe, expect, it } from 'vitest';
import { ApiError } from '$lib/api/client';
import { Submission } from './submission.svelte';

const refuse = (field: string | null) => () => Promise.reject(new ApiError('That name is taken.', 400, 'name_taken', field));

describe('a form on its way', () => {
  it('says what is missing only once somebody has tried to send it, and sends nothing', async () => {
    const submission = new Submission(['name']);
    expect(submission.problem('name', 'Give it a name.')).toBe('');
    expect(await submission.send('incomplete', refuse(null))).toBe(false);
    expect(submission.problem('name', 'Give it a name.')).toBe('Give it a name.');
    expect(submission.trouble).toBe('');
  });

  it('shows the refusal of a field at the field, and of anything else below', async () => {
    const submission = new Submission(['name']);
    await submission.send('complete', refuse('name'));
    expect([submission.problem('name'), submission.trouble]).toEqual(['That name is taken.', '']);
    await submission.send('complete', refuse('owner'));
    expect([submission.problem('name'), submission.trouble]).toEqual(['', 'That name is taken.']);
  });

  it('shows the refusal of one entry at the list it stands in', async () => {
    const submission = new Submission(['models']);
    await submission.send('complete', refuse('models[2]'));
    expect(submission.problem('models')).toBe('That name is taken.');
  });

  it('is sent once, however often somebody presses', async () => {
    const submission = new Submission();
    let calls = 0;
    let answer: (value: unknown) => void = () => {};
    const act = () => ((calls += 1), new Promise((resolve) => (answer = resolve)));
    const first = submission.send('complete', act);
    expect(await submission.send('complete', act)).toBe(false);
    answer(null);
    expect([await first, calls, submission.busy]).toEqual([true, 1, false]);
  });
});
