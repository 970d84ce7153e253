import { describe, expect, it } from 'vitest';
import { fileProblem, labelOf, MOST_ROWS, refusedFile, rowsOf } from './csv';

const FILE = 'Name,Email,Password,Role\r\n"Okafor, Ben",ben@example.test,"a ""quoted"" word",user\r\n\r\n"Two\nlines",two@example.test,,admin\r\n';

describe('a file of people', () => {
  it('is read with quotes, commas and line breaks inside cells, and knows on which line each begins', () => {
    const rows = rowsOf(FILE);
    expect(rows.map(({ line }) => line)).toEqual([1, 2, 4]);
    expect(rows[1]?.cells).toEqual(['Okafor, Ben', 'ben@example.test', 'a "quoted" word', 'user']);
    expect(rows[2]?.cells).toEqual(['Two\nlines', 'two@example.test', '', 'admin']);
  });

  it('may begin with a byte order mark and end without a line break', () => {
    const rows = rowsOf('\ufeffName,Email\nBen,ben@example.test');
    expect(rows.map(({ cells }) => cells)).toEqual([['Name', 'Email'], ['Ben', 'ben@example.test']]);
  });

  it('keeps an empty last cell', () => {
    expect(rowsOf('Name,Email,Password,Role\nBen,ben@example.test,,')[1]?.cells).toEqual(['Ben', 'ben@example.test', '', '']);
  });

  it('gives back refused lines as they were, under the same head', () => {
    expect(refusedFile(rowsOf(FILE), [2])).toBe('Name,Email,Password,Role\r\n"Okafor, Ben",ben@example.test,"a ""quoted"" word",user\r\n');
  });

  it('calls a line by the e-mail address, never by the password', () => {
    expect(labelOf(rowsOf(FILE), 2)).toBe('ben@example.test');
    expect(labelOf(rowsOf('Password,Name\nsecret,Ben'), 2)).toBe('Ben');
    expect(labelOf(rowsOf(FILE), 99)).toBe('');
  });
});

describe('a file that cannot be imported says why:', () => {
  const many = `Name,Email,Password,Role\n${'a,b@example.test,c,user\n'.repeat(MOST_ROWS + 1)}`;
  it.each([
    ['', /empty/],
    ['ben@example.test', /name the columns/],
    ['Name,Password,Role\nBen,x,user', /no column named Email/],
    ['Name,Email,Password,Role\n', /no people/],
    [many, /more than 5000/],
  ])('%.30j', (csv, reason) => {
    expect(fileProblem(rowsOf(csv))).toMatch(reason);
  });

  it('and nothing for one that can be tried', () => {
    expect(fileProblem(rowsOf(FILE))).toBeNull();
  });
});
