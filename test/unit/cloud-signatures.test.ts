import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { signatureOf } from '../../src/auth/alicloud/signature.ts';
import { signedHeaders } from '../../src/auth/aws/signature.ts';
import { Secret } from '../../src/secret-string.ts';

/** Signatures against the examples that the vendors publish. */
describe('signatures of clouds', () => {
  test('AWS Signature Version 4: the test suite', () => {
    const credentials = {
      accessKeyId: 'AKIDEXAMPLE',
      secretAccessKey: new Secret('wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY'),
    };
    const scope = {
      region: 'us-east-1',
      service: 'service',
      date: new Date('2015-08-30T12:36:00Z'),
    };
    const authorization = (headers: Record<string, string>, body: string): string | undefined =>
      signedHeaders(
        { method: 'POST', url: new URL('https://example.amazonaws.com/'), headers, body },
        credentials,
        scope,
      )['Authorization'];
    const prefix = 'AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, ';
    assert.equal(
      authorization({}, ''),
      `${prefix}SignedHeaders=host;x-amz-date, Signature=5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b`,
    );
    assert.equal(
      authorization({ 'Content-Type': 'application/x-www-form-urlencoded' }, 'Param1=value1'),
      `${prefix}SignedHeaders=content-type;host;x-amz-date, Signature=ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a`,
    );
    assert.equal(
      authorization({ 'My-Header1': 'value1' }, ''),
      `${prefix}SignedHeaders=host;my-header1;x-amz-date, Signature=c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c`,
    );
  });

  test('Alibaba Cloud, RPC style: the example of the documentation', () => {
    const parameters = {
      Format: 'XML',
      Version: '2014-05-26',
      AccessKeyId: 'testid',
      SignatureMethod: 'HMAC-SHA1',
      Timestamp: '2016-02-23T12:46:24Z',
      SignatureVersion: '1.0',
      SignatureNonce: '3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf',
      Action: 'DescribeRegions',
    };
    const secret = new Secret('testsecret');
    assert.equal(signatureOf('GET', parameters, secret), 'OLeaidS1JvxuMvnyHOwuJ+uX5qY=');
    assert.notEqual(signatureOf('POST', parameters, secret), 'OLeaidS1JvxuMvnyHOwuJ+uX5qY=');
  });
});
