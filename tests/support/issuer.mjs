// issuer: a login server's keys and what it signs with them, for tests: also
// what no login server would.  Kept in a file between two programs.
import crypto from 'node:crypto';
import fs from 'node:fs';

export const ISSUER = 'https://login.example.test';
export const AUDIENCE = 'supernode';

const b64 = (o) => Buffer.from(
  typeof o === 'string' ? o : JSON.stringify(o)).toString('base64url');

export function now() {
  return Math.floor(Date.now() / 1000);
}

export function claims(name, more = {}) {
  return { iss: ISSUER, aud: AUDIENCE, sub: name, iat: now(),
    exp: now() + 600, ...more };
}

export class Key {
  // alg: EdDSA or ES256
  constructor(kid, alg = 'EdDSA', pem = null) {
    this.kid = kid;
    this.alg = alg;
    this.key = pem !== null ? crypto.createPrivateKey(pem)
      : alg === 'EdDSA' ? crypto.generateKeyPairSync('ed25519').privateKey
        : crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  }

  jwk() {
    return { kid: this.kid, alg: this.alg, use: 'sig',
      ...crypto.createPublicKey(this.key).export({ format: 'jwk' }) };
  }

  // RFC 7638
  thumbprint() {
    const { crv, kty, x } = this.jwk();
    return crypto.createHash('sha256')
      .update(JSON.stringify({ crv, kty, x })).digest('base64url');
  }

  bytes(text) {
    return crypto.sign(this.alg === 'EdDSA' ? null : 'sha256',
      Buffer.from(text), { key: this.key, dsaEncoding: 'ieee-p1363' })
      .toString('base64url');
  }

  // body: an object, or the text of one
  token(body, header = {}) {
    const text =
      `${b64({ alg: this.alg, kid: this.kid, ...header })}.${b64(body)}`;
    return `${text}.${this.bytes(text)}`;
  }

  // What a node that holds this key says of itself.
  prove(node, challenge) {
    return crypto.sign(null, Buffer.concat([
      Buffer.from(`supernode.v1 hello\0${node}\0`),
      Buffer.from(challenge, 'base64url')]), this.key).toString('base64url');
  }
}

export function unsigned(body) {
  return `${b64({ alg: 'none' })}.${b64(body)}.`;
}

// A shared secret that everybody knows: the public key.
export function hmac(key, body) {
  const text = `${b64({ alg: 'HS256', kid: key.kid })}.${b64(body)}`;
  const secret = Buffer.from(key.jwk().x, 'base64url');
  return `${text}.` + crypto.createHmac('sha256', secret).update(text)
    .digest('base64url');
}

export function jwks(...keys) {
  return JSON.stringify({ keys: keys.map((k) => k.jwk()) });
}

// Replaces the file whole: nobody reads half of it.
export function publish(file, ...keys) {
  fs.writeFileSync(`${file}.new`, jwks(...keys));
  fs.renameSync(`${file}.new`, file);
}

export function save(file, key) {
  fs.writeFileSync(file, JSON.stringify({ kid: key.kid, alg: key.alg,
    pem: key.key.export({ type: 'pkcs8', format: 'pem' }) }));
}

export function load(file) {
  const { kid, alg, pem } = JSON.parse(fs.readFileSync(file));
  return new Key(kid, alg, pem);
}
