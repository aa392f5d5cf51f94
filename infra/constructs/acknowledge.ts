import { Stack, Validations } from 'aws-cdk-lib';
import type { Construct } from 'constructs';

/** Marks the wildcards in these ARNs of an IAM policy as meant, for cdk-nag's rule IAM5. */
export function acknowledgeWildcards(policy: Construct, arns: readonly string[], reason: string): void {
  for (const arn of arns.filter((text) => text.includes('*'))) {
    const resource = findingText(Stack.of(policy).resolve(arn));
    Validations.of(policy).acknowledge({ id: `AwsSolutions-IAM5[Resource::${resource}]`, reason });
  }
}

/** A value of a template as cdk-nag names it in its findings: `<LandingBucket.Arn>/*`. */
function findingText(value: unknown): string {
  if (typeof value === 'string') return value;
  const [[name, content] = []] = Object.entries(value ?? {});
  if (name === 'Fn::Join' && Array.isArray(content) && Array.isArray(content[1])) {
    return content[1].map(findingText).join(String(content[0]));
  }
  if (name === 'Fn::GetAtt' && Array.isArray(content)) return `<${content.join('.')}>`;
  if (name === 'Ref') return `<${String(content)}>`;
  throw new Error(`expected an ARN of text, Fn::Join, Fn::GetAtt and Ref, got ${JSON.stringify(value)}`);
}
