// ws_issuer DIR: makes an issuer of tokens: DIR/issuer.pem, DIR/jwks.json.
import fs from 'node:fs';
import { Issuer } from './ws.mjs';

const dir = process.argv[2];
const issuer = new Issuer();

fs.writeFileSync(`${dir}/issuer.pem`, issuer.pem());
fs.writeFileSync(`${dir}/jwks.json`, issuer.jwks());
