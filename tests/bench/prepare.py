"""What the rivals read: the platform's signing key as PEM, and tokens to verify."""

import json
import pathlib
import sys
import time
import uuid

import jwt
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

folder, issuer, count = pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
jwk = json.loads((folder / "signing.jwk").read_text())
key = jwt.PyJWK(jwk).key
(folder / "signing.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
(folder / "public.pem").write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
now = int(time.time())
tokens = []
for _ in range(count):
    claims = {
        "iss": issuer,
        "aud": ["crewdeck"],
        "sub": str(uuid.uuid4()),
        "exp": now + 86_400,
        "iat": now,
        "nbf": now,
        "jti": str(uuid.uuid4()),
        "sid": str(uuid.uuid4()),
        "adm": False,
    }
    tokens.append(jwt.encode(claims, key, algorithm="RS256", headers={"typ": "at+jwt", "kid": jwk["kid"]}))
(folder / "tokens.txt").write_text("\n".join(tokens))
