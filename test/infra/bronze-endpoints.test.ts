import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { SecurityGroup } from 'aws-cdk-lib/aws-ec2';
import { KafkaEndpoints, type KafkaEndpointsProps } from '../../infra/constructs/bronze-endpoints.ts';
import { createApp, textOf } from '../support/templates.ts';
import { MSK, SECURITY_GROUP, SUBNETS, secretOf, vpcOf } from './bronze-stacks.ts';

function endpoints(propsOf: (scope: Stack) => Partial<KafkaEndpointsProps> = () => ({})): Template {
  const stack = new Stack(createApp(), 'kafka');
  new KafkaEndpoints(stack, 'Endpoints', { vpc: vpcOf(stack), source: MSK, ...propsOf(stack) });
  return Template.fromStack(stack);
}

/** `Interface lambda`, of each endpoint. */
function servicesOf(template: Template): string[] {
  return Object.values(template.findResources('AWS::EC2::VPCEndpoint'))
    .map(({ Properties }) => `${Properties.VpcEndpointType} ${textOf(Properties.ServiceName).replace(/.*\./, '')}`)
    .sort();
}

describe('the endpoints of a VPC with brokers', () => {
  it('lead to Lambda and STS, in the private subnets', () => {
    const template = endpoints();
    assert.deepEqual(servicesOf(template), ['Interface lambda', 'Interface sts']);
    template.allResourcesProperties('AWS::EC2::VPCEndpoint', { SubnetIds: SUBNETS, PrivateDnsEnabled: true });
  });

  it('lead to Secrets Manager and S3 where these are needed', () => {
    const template = endpoints((scope) => ({
      source: { ...MSK, authentication: { method: 'scram-512', secret: secretOf(scope) } },
      onFailure: true,
    }));
    assert.deepEqual(servicesOf(template), [
      'Gateway s3',
      'Interface lambda',
      'Interface secretsmanager',
      'Interface sts',
    ]);
  });

  it('let in HTTPS only, from the brokers or else from the VPC', () => {
    endpoints().hasResourceProperties('AWS::EC2::SecurityGroup', {
      SecurityGroupIngress: [
        { CidrIp: '10.0.0.0/16', FromPort: 443, ToPort: 443, IpProtocol: 'tcp', Description: 'Kafka pollers' },
      ],
    });
    const template = endpoints((scope) => ({
      brokers: SecurityGroup.fromSecurityGroupId(scope, 'Brokers', SECURITY_GROUP),
    }));
    template.hasResourceProperties('AWS::EC2::SecurityGroupIngress', {
      SourceSecurityGroupId: SECURITY_GROUP,
      FromPort: 443,
      ToPort: 443,
    });
    template.resourceCountIs('AWS::EC2::SecurityGroupIngress', 1);
  });
});
