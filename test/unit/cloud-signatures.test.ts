import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { signatureOf } from '../../src/auth/alicloud/signature.ts';
import { signedHeaders } from '../../src/auth/aws/signature.ts';
import { authorization } from '../../src/auth/oci/signature.ts';
import { Secret } from '../../src/base/secret.ts';

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

  test('Oracle Cloud: the GET of the documentation, with its key', () => {
    const pem = `-----BEGIN RSA PRIVATE KEY-----
MIICXgIBAAKBgQDCFENGw33yGihy92pDjZQhl0C36rPJj+CvfSC8+q28hxA161QF
NUd13wuCTUcq0Qd2qsBe/2hFyc2DCJJg0h1L78+6Z4UMR7EOcpfdUE9Hf3m/hs+F
UR45uBJeDK1HSFHD8bHKD6kv8FPGfJTotc+2xjJwoYi+1hqp1fIekaxsyQIDAQAB
AoGBAJR8ZkCUvx5kzv+utdl7T5MnordT1TvoXXJGXK7ZZ+UuvMNUCdN2QPc4sBiA
QWvLw1cSKt5DsKZ8UETpYPy8pPYnnDEz2dDYiaew9+xEpubyeW2oH4Zx71wqBtOK
kqwrXa/pzdpiucRRjk6vE6YY7EBBs/g7uanVpGibOVAEsqH1AkEA7DkjVH28WDUg
f1nqvfn2Kj6CT7nIcE3jGJsZZ7zlZmBmHFDONMLUrXR/Zm3pR5m0tCmBqa5RK95u
412jt1dPIwJBANJT3v8pnkth48bQo/fKel6uEYyboRtA5/uHuHkZ6FQF7OUkGogc
mSJluOdc5t6hI1VsLn0QZEjQZMEOWr+wKSMCQQCC4kXJEsHAve77oP6HtG/IiEn7
kpyUXRNvFsDE0czpJJBvL/aRFUJxuRK91jhjC68sA7NsKMGg5OXb5I5Jj36xAkEA
gIT7aFOYBFwGgQAQkWNKLvySgKbAZRTeLBacpHMuQdl1DfdntvAyqpAZ0lY0RKmW
G6aFKaqQfOXKCyWoUiVknQJAXrlgySFci/2ueKlIE1QqIiLSZ8V8OlpFLRnb1pzI
7U1yQXnTAEFYM560yJlzUpOb1V4cScGd365tiSMvxLOvTA==
-----END RSA PRIVATE KEY-----`;
    const headers = [
      ['date', 'Thu, 05 Jan 2014 21:31:40 GMT'],
      [
        '(request-target)',
        'get /20160918/instances?availabilityDomain=Pjwf%3A%20PHX-AD-1&compartmentId=ocid1.compartment.oc1..aaaaaaaam3we6vgnherjq5q2idnccdflvjsnog7mlr6rtdb25gilchfeyjxa&displayName=TeamXInstances&volumeId=ocid1.volume.oc1.phx.abyhqljrgvttnlx73nmrwfaux7kcvzfs3s66izvxf2h4lgvyndsdsnoiwr5q',
      ],
      ['host', 'iaas.us-phoenix-1.oraclecloud.com'],
    ] as const;
    assert.equal(
      authorization(headers, { keyId: 'tenancy/user/fingerprint', pem, where: 'the documentation' }),
      'Signature version="1",headers="date (request-target) host",keyId="tenancy/user/fingerprint",algorithm="rsa-sha256",signature="GBas7grhyrhSKHP6AVIj/h5/Vp8bd/peM79H9Wv8kjoaCivujVXlpbKLjMPeDUhxkFIWtTtLBj3sUzaFj34XE6YZAHc9r2DmE4pMwOAy/kiITcZxa1oHPOeRheC0jP2dqbTll8fmTZVwKZOKHYPtrLJIJQHJjNvxFWeHQjMaR7M="',
    );
  });
});
