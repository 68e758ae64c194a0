"""Signed checkpoints of the journal, in the form of transparency logs (a signed note over origin, size and root).

    tacit.ledger/<ledger id>
    <number of entries>
    <hash of the last one, base64>

    — <origin> <base64 of 4 bytes of key id and the Ed25519 signature>

Kept outside the ledger's machine, one checkpoint fixes all entries up to it: whoever rewrites or rewinds the file
cannot make it fit again.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from .journal import Head

_DASH = "\u2014"


class BadCheckpoint(ValueError):
    """A text that is no checkpoint, or not signed by this key."""


def origin(ledger_id: str) -> str:
    """The name under which a ledger signs."""
    return f"tacit.ledger/{ledger_id}"


def create_key(path: Path) -> Ed25519PrivateKey:
    """Make a signing key and store it, readable by its owner alone; an existing file is never replaced."""
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(pem)
    return key


def load_key(path: Path) -> Ed25519PrivateKey:
    """Read a signing key; ``BadCheckpoint`` when it is not Ed25519."""
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise BadCheckpoint("the signing key is not an Ed25519 key")
    return key


def sign(head: Head, name: str, key: Ed25519PrivateKey) -> str:
    """The checkpoint of a head."""
    root = base64.b64encode(bytes.fromhex(head.hash)).decode()
    text = f"{name}\n{head.sequence}\n{root}\n"
    signature = base64.b64encode(_key_id(name, key.public_key()) + key.sign(text.encode())).decode()
    return f"{text}\n{_DASH} {name} {signature}\n"


def read(checkpoint: str, name: str, key: Ed25519PublicKey) -> Head:
    """The head that ``key`` signed for this origin; ``BadCheckpoint`` for anything else."""
    text, _, signatures = checkpoint.partition("\n\n")
    text += "\n"
    try:
        signed_name, size, root = text.split("\n")[:3]
        dash, signer, encoded = signatures.rstrip("\n").split(" ")
        signature = base64.b64decode(encoded, validate=True)
        if (dash, signer, signed_name) != (_DASH, name, name) or signature[:4] != _key_id(name, key):
            raise BadCheckpoint("a checkpoint of another ledger, or by another key")
        key.verify(signature[4:], text.encode())
        return Head(int(size), base64.b64decode(root, validate=True).hex())
    except (InvalidSignature, binascii.Error, ValueError) as error:
        raise (
            error if isinstance(error, BadCheckpoint) else BadCheckpoint("not a checkpoint signed by this key")
        ) from error


def _key_id(name: str, key: Ed25519PublicKey) -> bytes:
    raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return hashlib.sha256(name.encode() + b"\n\x01" + raw).digest()[:4]
