import { Stack, Validations } from 'aws-cdk-lib';
import type { Construct } from 'constructs';

/** Marks the wildcards in these ARNs of an IAM policy as meant, for cdk-nag's rule IAM5. */
export function acknowledgeWildcards(policy: Construct, arns: readonly string[], reason: string): void {
  for (const arn of arns.filter((text) => text.includes('*'))) {
    const resource = findingText(Stack.of(policy).resolve(arn));
    // A name that an app imports in another way: its own checks have to take it.
    if (resource === undefined) continue;
    Validations.of(policy).acknowledge({ id: `AwsSolutions-IAM5[Resource::${resource}]`, reason });
  }
}

/** A value of a template as cdk-nag names it in its findings: `<LandingBucket.Arn>/*`; undefined where it is not known. */
function findingText(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  const [[name, content] = []] = Object.entries(value ?? {});
  if (name === 'Fn::Join' && Array.isArray(content) && Array.isArray(content[1])) {
    const parts = content[1].map(findingText);
    return parts.includes(undefined) ? undefined : parts.join(String(content[0]));
  }
  if (name === 'Fn::GetAtt' && Array.isArray(content)) return `<${content.join('.')}>`;
  return name === 'Ref' ? `<${String(content)}>` : undefined;
}
