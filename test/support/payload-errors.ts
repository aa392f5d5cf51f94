import assert from 'node:assert/strict';
import { PayloadError, type PayloadErrorCode } from '../../src/kafka/decode/payload-error.ts';

/** The error of a payload that is refused, for this reason. */
export function refuses(run: () => unknown, code: PayloadErrorCode, message = /./): PayloadError {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof PayloadError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, message);
    return error;
  }
  throw new assert.AssertionError({ message: `expected ${code}` });
}
