/** Comma-separated values (RFC 4180), as far as a preview of an import needs them. The server reads the file itself. */

export interface Row {
  /** Where it begins in the file, from 1. */
  line: number;
  cells: string[];
  /** As it stands in the file, without its end of line. */
  text: string;
}

/** Rows of a file; empty lines are left out. A quoted cell may hold commas, quotes and line breaks. */
export function rowsOf(csv: string): Row[] {
  const rows: Row[] = [];
  const text = csv.replace(/^\ufeff/, '');
  let [line, start, lineOfStart, isQuoted] = [1, 0, 1, false];
  const take = (end: number) => {
    const row = text.slice(start, end).replace(/\r$/, '');
    if (row.trim() !== '') rows.push({ line: lineOfStart, cells: cellsOf(row), text: row });
  };
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] === '"') isQuoted = !isQuoted;
    if (text[at] !== '\n') continue;
    line += 1;
    if (isQuoted) continue;
    take(at);
    [start, lineOfStart] = [at + 1, line];
  }
  take(text.length);
  return rows;
}

function cellsOf(row: string): string[] {
  const cells = row.match(/("(?:[^"]|"")*"|[^,]*)(?:,|$)/g) ?? [];
  // The expression also finds the nothing behind a row that does not end in a comma.
  const found = row.endsWith(',') ? cells : cells.slice(0, -1);
  return found.map((cell) => cell.replace(/,$/, '').replace(/^"([\s\S]*)"$/, '$1').replaceAll('""', '"').trim());
}

/** The columns that an import needs, whatever their case and order. */
export const COLUMNS = ['Name', 'Email', 'Password', 'Role'];

/** Rows that an import takes at most. */
export const MOST_ROWS = 5000;

/** Why a file cannot be imported at all; `null` when it can be tried. */
export function fileProblem(rows: Row[]): string | null {
  const [head, ...people] = rows;
  if (!head) return 'The file is empty.';
  const names = head.cells.map((cell) => cell.toLowerCase());
  const missing = COLUMNS.filter((column) => !names.includes(column.toLowerCase()));
  if (missing.length === COLUMNS.length) return `The first line has to name the columns: ${COLUMNS.join(',')}.`;
  if (missing.includes('Email')) return 'The first line has no column named Email.';
  if (people.length === 0) return 'The file names its columns, but no people.';
  if (people.length > MOST_ROWS) return `The file has more than ${MOST_ROWS} people. Split it, and import the parts one after the other.`;
  return null;
}

/** What a person of the file is called, to recognise a line by; never the password. */
export function labelOf(rows: Row[], line: number): string {
  const names = rows[0]?.cells.map((cell) => cell.toLowerCase()) ?? [];
  const cells = rows.find((row) => row.line === line)?.cells ?? [];
  const value = (column: string) => cells[names.indexOf(column)] ?? '';
  return value('email') || value('name');
}

/** The refused lines under the head of the file they come from, to be mended and imported again. */
export function refusedFile(rows: Row[], lines: number[]): string {
  const wanted = new Set(lines);
  const kept = rows.filter((row, index) => index === 0 || wanted.has(row.line));
  return `${kept.map((row) => row.text).join('\r\n')}\r\n`;
}
