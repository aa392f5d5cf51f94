import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** How clients reach a broker; what Kafka calls a security protocol. */
export type KafkaSecurity = 'plaintext' | 'sasl_plaintext' | 'sasl_ssl' | 'ssl';

export interface KafkaUser {
  readonly username: string;
  readonly password: string;
}

const PASSWORD = 'changeit';
const MODULES = 'org.apache.kafka.common.security';

/** Properties of the broker's listener SECURED: what it takes of SASL, and its certificate in `folder`. */
export function securityProperties(security: KafkaSecurity, user: KafkaUser, folder: string): Record<string, string> {
  return {
    ...(security.startsWith('sasl') && saslProperties(user)),
    ...(security.endsWith('ssl') && sslProperties(folder)),
  };
}

/** The credentials of SCRAM are in the broker's metadata; this is how they get there at first. */
export function scramArgument({ username, password }: KafkaUser): string {
  return `SCRAM-SHA-512=[name=${username},password=${password}]`;
}

/**
 * Makes key and certificate of a broker at 127.0.0.1 and localhost in `folder`, with Java's `keytool`. Gives the PEM of
 * the certificate, which has signed itself.
 */
export async function makeCertificate(folder: string): Promise<string> {
  const certificate = join(folder, 'broker.pem');
  const store = ['-keystore', join(folder, 'broker.p12'), '-storepass', PASSWORD, '-alias', 'broker'];
  const names = ['-dname', 'CN=localhost', '-ext', 'san=ip:127.0.0.1,dns:localhost', '-validity', '30'];
  await run('keytool', ['-genkeypair', '-keyalg', 'EC', '-storetype', 'PKCS12', ...store, ...names]);
  await run('keytool', ['-exportcert', '-rfc', '-file', certificate, ...store]);
  return readFileSync(certificate, 'utf8');
}

function saslProperties({ username, password }: KafkaUser): Record<string, string> {
  const listener = 'listener.name.secured';
  return {
    [`${listener}.sasl.enabled.mechanisms`]: 'SCRAM-SHA-512,PLAIN,OAUTHBEARER',
    [`${listener}.scram-sha-512.sasl.jaas.config`]: `${MODULES}.scram.ScramLoginModule required;`,
    [`${listener}.plain.sasl.jaas.config`]: `${MODULES}.plain.PlainLoginModule required user_${username}="${password}";`,
    [`${listener}.oauthbearer.sasl.jaas.config`]: `${MODULES}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";`,
  };
}

function sslProperties(folder: string): Record<string, string> {
  const listener = 'listener.name.secured';
  return {
    [`${listener}.ssl.keystore.type`]: 'PKCS12',
    [`${listener}.ssl.keystore.location`]: join(folder, 'broker.p12'),
    [`${listener}.ssl.keystore.password`]: PASSWORD,
    [`${listener}.ssl.key.password`]: PASSWORD,
  };
}
