import { CfnResource, Stack } from 'aws-cdk-lib';
import { CfnPolicy, type Role } from 'aws-cdk-lib/aws-iam';

/** Characters of all inline policies of a role together, without white space (IAM user guide, "IAM and AWS STS quotas"). */
export const MAX_POLICY_TEXT = 10_240;

/** What names and ARNs come to at most that are known at the deployment only, by the type of the resource. */
const ARN_LENGTHS: Readonly<Record<string, number>> = {
  // arn:aws:s3::: and 63 characters.
  'AWS::S3::Bucket': 76,
  // arn:aws:sqs:ap-southeast-1:123456789012: and 80 characters.
  'AWS::SQS::Queue': 120,
  // The id of a key is a UUID.
  'AWS::KMS::Key': 84,
};
const OTHER_ARN_LENGTH = 150;
/** `AWS::Partition`, `AWS::AccountId`; the longest regions have 14 characters. */
const PSEUDO_LENGTHS: Readonly<Record<string, number>> = { 'AWS::Partition': 6, 'AWS::AccountId': 12 };
const REGION_LENGTH = 14;

/** Logical ids -> types of resources. Without a type, a reference counts as the longest. */
type Types = ReadonlyMap<string, string>;

/** Characters of the inline policies of a role, at most; each policy's, too. */
export function policyText(
  role: Role,
  types: Types = typesOf(Stack.of(role)),
): { readonly total: number; readonly policies: ReadonlyMap<string, number> } {
  const stack = Stack.of(role);
  const own = JSON.stringify(stack.resolve(role.roleName));
  const attached = stack.node.findAll().filter((node) => node instanceof CfnPolicy && rolesOf(node).includes(own));
  const policies = new Map(
    (attached as CfnPolicy[]).map((policy) => [
      policy.node.path,
      lengthOf(stack.resolve(policy.policyDocument), types),
    ]),
  );
  return { total: [...policies.values()].reduce((sum, length) => sum + length, 0), policies };
}

/** Why IAM would refuse the policies of a role, and what to do; empty where it takes them. */
export function policyProblems(role: Role): string[] {
  // Most are far from the limit: all resources of the stack need not be looked at for them.
  if (policyText(role, new Map()).total <= MAX_POLICY_TEXT) return [];
  const { total, policies } = policyText(role);
  if (total <= MAX_POLICY_TEXT) return [];
  const parts = [...policies].map(([path, length]) => `${path} ${length}`).join(', ');
  return [
    `the inline policies of the role would have ${total} characters, IAM takes ${MAX_POLICY_TEXT} (${parts}): put what they name ` +
      'under common prefixes, so that there are fewer, or move some of it to another deployment',
  ];
}

function rolesOf(policy: CfnPolicy): string[] {
  const roles: unknown[] = Stack.of(policy).resolve(policy.roles) ?? [];
  return roles.map((role) => JSON.stringify(role));
}

function typesOf(stack: Stack): Types {
  const resources = stack.node.findAll().filter((node) => CfnResource.isCfnResource(node));
  return new Map(resources.map((node) => [stack.resolve(node.logicalId), node.cfnResourceType]));
}

/** Characters of a part of a template as JSON, with its references filled in. */
function lengthOf(value: unknown, types: Types): number {
  if (Array.isArray(value)) return 1 + value.reduce((sum: number, one) => sum + lengthOf(one, types) + 1, 0);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value).length;
  const [[name, content] = ['', '']] = Object.entries(value);
  if (name === 'Fn::Join') return content[1].reduce((sum: number, one: unknown) => sum + lengthOf(one, types) - 2, 2);
  if (name === 'Ref' || name === 'Fn::GetAtt') return 2 + referenceLength([content].flat()[0], types);
  if (name.startsWith('Fn::')) return 2 + OTHER_ARN_LENGTH;
  return 1 + Object.entries(value).reduce((sum, [key, one]) => sum + key.length + 4 + lengthOf(one, types), 0);
}

function referenceLength(id: string, types: Types): number {
  if (id.startsWith('AWS::')) return PSEUDO_LENGTHS[id] ?? REGION_LENGTH;
  return ARN_LENGTHS[types.get(id) ?? ''] ?? OTHER_ARN_LENGTH;
}
