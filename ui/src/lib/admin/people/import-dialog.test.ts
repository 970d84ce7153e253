import { cleanup, fireEvent, render, screen } from '@testing-library/svelte';
import { afterEach, describe, expect, it, vi } from 'vitest';
import ImportDialog from './ImportDialog.svelte';

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

async function choose(text: string): Promise<() => void> {
  const onmade = vi.fn();
  const { container } = render(ImportDialog, { open: true, onmade });
  const input = container.querySelector('input[type="file"]') as HTMLInputElement;
  Object.defineProperty(input, 'files', { value: [new File([text], 'people.csv', { type: 'text/csv' })] });
  await fireEvent.change(input);
  return onmade;
}

describe('an import', () => {
  it('is not sent when the file has no head', async () => {
    const fetch = vi.fn();
    vi.stubGlobal('fetch', fetch);
    await choose('Ben,ben@example.test,secret,user');
    expect((await screen.findByRole('alert', { hidden: true })).textContent).toContain('name the columns');
    expect(screen.getByRole<HTMLButtonElement>('button', { name: 'Import', hidden: true }).disabled).toBe(true);
    expect(fetch).not.toHaveBeenCalled();
  });

  it('is sent as it is, and refused lines are shown with whom and why, never with the password', async () => {
    const bodies: string[] = [];
    vi.stubGlobal('fetch', async (request: Request) => {
      bodies.push(await request.text());
      return Response.json({ made: 1, refused: [{ line: 3, detail: 'This address is taken.', code: 'email_taken' }] });
    });
    const file = 'Name,Email,Password,Role\nBen,ben@example.test,first-secret,user\nAda,ada@example.test,other-secret,user';
    const onmade = await choose(file);
    (await screen.findByRole('button', { name: 'Import 2 people', hidden: true })).click();
    await screen.findByText('1 person can sign in now.');
    expect(bodies).toEqual([file]);
    expect(onmade).toHaveBeenCalledOnce();
    screen.getByText('This address is taken.');
    screen.getByText('ada@example.test');
    expect(document.body.textContent).not.toContain('secret');
  });
});
