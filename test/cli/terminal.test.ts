import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { describe, it } from 'node:test';
import { createTerminal, cutLine, type OutputStream } from '../../src/cli/terminal.ts';

const ESC = '\u001b';

function output(facts: { isTTY?: boolean; columns?: number; hasColors?: () => boolean } = {}) {
  const stream = Object.assign(new PassThrough(), facts) as PassThrough & OutputStream;
  return { stream, text: () => String(stream.read() ?? '') };
}

/** What a terminal shows after it got this text: enough of one for the sequences in use. */
function screenOf(text: string): string[] {
  const lines: string[] = [''];
  let row = 0;
  const [plain = '', ...sequences] = text.split(`${ESC}[`);
  for (const part of [`m${plain}`, ...sequences]) {
    const [, count, command, rest = ''] = /^\??(\d*)([a-zA-Z])(.*)$/s.exec(part) ?? [];
    if (command === 'A') row -= Number(count);
    if (command === 'J') lines.splice(row, lines.length, '');
    for (const [index, piece] of rest.split('\n').entries()) {
      if (index > 0) row += 1;
      lines[row] = piece.replace('\r', '') || (lines[row] ?? '');
    }
  }
  return lines;
}

describe('the terminal', () => {
  it('rewrites its block in place', () => {
    const { stream, text } = output({ isTTY: true, columns: 40 });
    const terminal = createTerminal(stream, output().stream);
    terminal.show(['one', 'two', 'three']);
    terminal.show(['1', '2']);
    terminal.show(['eins', 'zwei']);
    const written = text();
    assert.deepEqual(screenOf(written), ['eins', 'zwei', '']);
    terminal.endShow();
    assert.deepEqual(screenOf(written + text()), ['']);
  });

  it('shows the cursor again, and can let the block stand', () => {
    const { stream, text } = output({ isTTY: true, columns: 40 });
    const terminal = createTerminal(stream, output().stream);
    terminal.show(['one']);
    terminal.endShow('keep');
    const written = text();
    assert.ok(written.endsWith(`${ESC}[?25h`));
    assert.deepEqual(screenOf(written), ['one', '']);
  });

  it('cuts lines that would wrap', () => {
    assert.equal(cutLine('abcdef', 4), 'abcd');
    assert.equal(cutLine(`${ESC}[31mabcdef${ESC}[39m`, 4), `${ESC}[31mabcd${ESC}[39m`);
    assert.equal(cutLine(`${ESC}[31mabcd${ESC}[39m`, 4), `${ESC}[31mabcd${ESC}[39m`);
  });

  it('writes no sequences where the output is no terminal', async () => {
    const { stream, text } = output({ hasColors: () => true });
    const terminal = createTerminal(stream, output().stream);
    terminal.show(['block']);
    await terminal.print(terminal.style.red('red'));
    terminal.endShow();
    assert.equal(text(), 'red\n');
    assert.equal(terminal.width, 80);
  });

  it('has no colours in a terminal that has or wants none', async () => {
    const { stream, text } = output({ isTTY: true, hasColors: () => false });
    const terminal = createTerminal(stream, output().stream);
    await terminal.print(terminal.style.red('red'));
    assert.equal(text(), 'red\n');
  });

  it('has colours otherwise', async () => {
    const { stream, text } = output({ isTTY: true, hasColors: () => true });
    const terminal = createTerminal(stream, output().stream);
    await terminal.print(terminal.style.red('red'));
    assert.equal(text(), `${ESC}[31mred${ESC}[39m\n`);
  });
});
