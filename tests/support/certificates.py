"""A chain of certificates for servers of tests: root, intermediate, and one for loopback."""

from __future__ import annotations

import datetime as dt
import ipaddress
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

Key = ec.EllipticCurvePrivateKey


@dataclass(frozen=True, slots=True)
class Chain:
    """PEM files' contents; ``leaf`` is for 127.0.0.1 and ``lab.example``."""

    root: bytes
    intermediate: bytes
    leaf: bytes
    key: bytes


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _signed(subject: str, key: Key, issuer: str, by: Key, *, authority: bool) -> x509.Certificate:
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    )
    if not authority:
        names = [
            x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
            x509.DNSName("lab.example"),
        ]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(by, hashes.SHA256())


def make() -> Chain:
    """Return a fresh chain."""
    root, middle, leaf = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
    certificates = (
        _signed("root", root, "root", root, authority=True),
        _signed("middle", middle, "root", root, authority=True),
        _signed("leaf", leaf, "middle", middle, authority=False),
    )
    pem = [one.public_bytes(Encoding.PEM) for one in certificates]
    key = leaf.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Chain(*pem, key)
