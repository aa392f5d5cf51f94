import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseWebhookConfig, type Signature, type WebhookInput } from '../../src/webhook/config.ts';
import { isSigned } from '../../src/webhook/signature.ts';
import { hmacOf } from '../support/webhook-world.ts';

function signatureOf(signature: WebhookInput['signature']): Signature {
  const [webhook] = parseWebhookConfig({ webhooks: [{ path: '/in', signature }] }).webhooks;
  return webhook?.signature ?? assert.fail('no webhook');
}

interface Case {
  readonly signature: WebhookInput['signature'];
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly secrets: readonly string[];
  /** s since the epoch. */
  readonly time?: number;
}

function accepts({ signature, headers, body, secrets, time = 0 }: Case): boolean {
  const request = { method: 'POST', path: '/in', headers, body: Buffer.from(body) };
  return isSigned(request, signatureOf(signature), secrets, time * 1_000);
}

/** GitHub docs, "Validating webhook deliveries", "Testing the webhook payload validation". */
const GITHUB: Case = {
  signature: 'github',
  headers: { 'x-hub-signature-256': 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17' },
  body: 'Hello, World!',
  secrets: ["It's a Secret to Everybody"],
};

/** Slack docs, "Verifying requests from Slack". */
const SLACK: Case = {
  signature: 'slack',
  headers: {
    'x-slack-request-timestamp': '1531420618',
    'x-slack-signature': 'v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503',
  },
  body:
    'token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar' +
    '&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com' +
    '%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c',
  secrets: ['8f742231b10e8888abcd99yyyzzz85a5'],
  time: 1531420618,
};

/** RFC 4231, test case 2. */
const HMAC: Case = {
  signature: { type: 'hmac', header: 'X-Signature' },
  headers: { 'x-signature': '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843' },
  body: 'what do ya want for nothing?',
  secrets: ['Jefe'],
};

const STRIPE: Case = {
  signature: 'stripe',
  headers: { 'stripe-signature': `t=1492774577,v0=6ffb,v1=${hmacOf('1492774577.{"id":"evt_1"}', 'whsec_test')}` },
  body: '{"id":"evt_1"}',
  secrets: ['whsec_test'],
  time: 1492774577,
};

const CASES = { GITHUB, SLACK, HMAC, STRIPE };

describe('signatures', () => {
  for (const [name, vector] of Object.entries(CASES)) {
    it(`of ${name} are known by the sender's own example, with any of several secrets`, () => {
      assert.equal(accepts(vector), true);
      assert.equal(accepts({ ...vector, secrets: ['another secret', ...vector.secrets] }), true);
    });

    it(`of ${name} are refused for another body, secret, header or none`, () => {
      assert.equal(accepts({ ...vector, body: `${vector.body} ` }), false);
      assert.equal(accepts({ ...vector, secrets: ['another secret'] }), false);
      assert.equal(accepts({ ...vector, secrets: [] }), false);
      assert.equal(accepts({ ...vector, headers: {} }), false);
      for (const [header, value] of Object.entries(vector.headers)) {
        for (const other of [
          '',
          'x',
          `${value}0`,
          value.slice(0, -1),
          value.replace(/[0-9a-f]{8}/, '00000000'),
          '='.repeat(9_999),
        ]) {
          assert.equal(
            accepts({ ...vector, headers: { ...vector.headers, [header]: other } }),
            false,
            `${header}: ${other}`,
          );
        }
      }
    });
  }

  it('of Slack and Stripe are refused when they are old, or from the future', () => {
    for (const vector of [SLACK, STRIPE]) {
      const { time = 0 } = vector;
      assert.equal(accepts({ ...vector, time: time + 300 }), true);
      assert.equal(accepts({ ...vector, time: time + 301 }), false);
      assert.equal(accepts({ ...vector, time: time - 301 }), false);
    }
    assert.equal(accepts({ ...STRIPE, signature: { type: 'stripe', tolerance: 10 }, time: 1492774577 + 11 }), false);
  });

  it('of Stripe may be several, of which one is right while the secret is changed', () => {
    const right = hmacOf('1492774577.{"id":"evt_1"}', 'whsec_test');
    const header = (...values: string[]) => ({ 'stripe-signature': ['t=1492774577', ...values].join(',') });
    assert.equal(accepts({ ...STRIPE, headers: header(`v1=${'0'.repeat(64)}`, `v1=${right}`) }), true);
    assert.equal(accepts({ ...STRIPE, headers: header(`v0=${right}`) }), false);
    const many = Array.from({ length: 1_000 }, () => `v1=${'0'.repeat(64)}`);
    assert.equal(accepts({ ...STRIPE, headers: header(...many, `v1=${right}`) }), false);
    // The time is signed, too.
    assert.equal(accepts({ ...STRIPE, headers: { 'stripe-signature': `t=1492774578,v1=${right}` } }), false);
  });

  it('of other senders have their own form', () => {
    const body = 'text';
    const secrets = ['the secret'];
    const sha512 = {
      type: 'hmac',
      header: 'Signature',
      algorithm: 'sha512',
      encoding: 'base64',
      prefix: 'v1,',
    } as const;
    const value = Buffer.from(hmacOf(body, 'the secret', 'sha512'), 'hex').toString('base64');
    assert.equal(accepts({ signature: sha512, headers: { signature: `v1,${value}` }, body, secrets }), true);
    assert.equal(accepts({ signature: sha512, headers: { signature: value }, body, secrets }), false);
    const upper = { 'x-signature': hmacOf(body, 'the secret').toUpperCase() };
    assert.equal(accepts({ signature: HMAC.signature, headers: upper, body, secrets }), true);
  });

  it('may be the secret itself', () => {
    const secrets = ['old-secret', 'new-secret'];
    const bearer = (authorization: string) =>
      accepts({ signature: 'bearer', headers: { authorization }, body: '', secrets });
    assert.equal(bearer('Bearer new-secret'), true);
    assert.equal(bearer('bearer old-secret'), true);
    for (const wrong of [
      'new-secret',
      'Basic new-secret',
      'Bearer',
      'Bearer ',
      'Bearer new-secre',
      'Bearer new-secret x',
    ]) {
      assert.equal(bearer(wrong), false, wrong);
    }
    const header = { type: 'header', header: 'X-Token' } as const;
    assert.equal(accepts({ signature: header, headers: { 'x-token': 'old-secret' }, body: '', secrets }), true);
    assert.equal(accepts({ signature: header, headers: { 'x-token': '' }, body: '', secrets: [''] }), false);
  });
});
