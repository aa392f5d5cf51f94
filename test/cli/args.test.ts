import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type ArgumentSpec, parseCommandLine, parseTime, parseWholeNumber, UsageError } from '../../src/cli/args.ts';

const spec: ArgumentSpec = {
  positionals: ['TABLE'],
  options: {
    json: { help: 'as JSON' },
    version: { help: 'a version', value: 'N' },
    partition: { help: 'a column', value: 'NAME:TYPE', multiple: true },
  },
};

describe('the command line', () => {
  it('has arguments and options in any order', () => {
    const args = parseCommandLine(
      ['--json', 'here', '--partition', 'a:date', '--version=3', '--partition=b:long'],
      spec,
    );
    assert.deepEqual(args.positionals, ['here']);
    assert.equal(args.flag('json'), true);
    assert.equal(args.value('version'), '3');
    assert.deepEqual(args.values('partition'), ['a:date', 'b:long']);
  });

  it('may leave options out', () => {
    const args = parseCommandLine(['here'], spec);
    assert.equal(args.flag('json'), false);
    assert.equal(args.value('version'), undefined);
    assert.deepEqual(args.values('partition'), []);
  });

  it('takes everything behind -- for arguments', () => {
    assert.deepEqual(parseCommandLine(['--', '--json'], spec).positionals, ['--json']);
  });

  const wrong: readonly (readonly [readonly string[], RegExp])[] = [
    [[], /TABLE is missing/],
    [['here', 'there'], /unexpected argument "there"/],
    [['here', '--jsn'], /unknown option --jsn/],
    [['here', '-j'], /unknown option -j/],
    [['here', '--json=yes'], /--json takes no value, got "yes"/],
    [['here', '--version'], /--version needs a value: --version N/],
    [['here', '--version', '1', '--version', '2'], /--version was given twice/],
    [['here', '--constructor'], /unknown option --constructor/],
  ];
  for (const [args, message] of wrong) {
    it(`is refused: ${args.join(' ') || '(nothing)'}`, () => {
      assert.throws(
        () => parseCommandLine(args, spec),
        (error) => error instanceof UsageError && message.test(error.message),
      );
    });
  }
});

describe('the value of an option', () => {
  it('is a whole number', () => {
    assert.equal(parseWholeNumber('0', 'version'), 0);
    assert.equal(parseWholeNumber('12', 'version'), 12);
    for (const text of ['-1', '1.5', '', 'x', '0x10', '99999999999999999999']) {
      assert.throws(() => parseWholeNumber(text, 'version'), /--version expects a whole number/);
    }
  });

  it('is a time, in UTC unless it says so', () => {
    assert.equal(parseTime('2026-11-24', 'timestamp'), Date.UTC(2026, 10, 24));
    assert.equal(parseTime('2026-11-24T06:30', 'timestamp'), Date.UTC(2026, 10, 24, 6, 30));
    assert.equal(parseTime('2026-11-24 06:30:15.250Z', 'timestamp'), Date.UTC(2026, 10, 24, 6, 30, 15, 250));
    assert.equal(parseTime('2026-11-24T06:30:00+02:00', 'timestamp'), Date.UTC(2026, 10, 24, 4, 30));
    for (const text of ['yesterday', '2026-13-01', '24.11.2026', '']) {
      assert.throws(() => parseTime(text, 'timestamp'), /--timestamp expects a time/);
    }
  });
});
