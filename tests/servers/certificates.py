"""Certificates for servers and clients that are spoken to over TLS, as files.

Owns an authority of its own per object, and writing PEM. Never starts a server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

if TYPE_CHECKING:
    from pathlib import Path


class Authority:
    """Signs certificates and writes them into a folder; `file` is the certificate that clients trust."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._folder = folder
        self._signer = trustme.CA(organization_name=name)
        self.file = folder / f"{name}.pem"
        self._signer.cert_pem.write_to_path(self.file)

    def issue(self, name: str, identity: str, *, password: str | None = None) -> tuple[Path, Path]:
        """Write a certificate for this host name, address or e-mail address, and its key in PKCS #8.

        Returns the two files, called by `name`; the key is encrypted where there is a password.
        """
        issued = self._signer.issue_cert(identity)
        certificate, key = self._folder / f"{name}.crt", self._folder / f"{name}.key"
        certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        encryption = BestAvailableEncryption(password.encode()) if password else NoEncryption()
        private = load_pem_private_key(issued.private_key_pem.bytes(), None)
        # Kafka and others do not read what trustme writes, the older form of OpenSSL.
        key.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
        return certificate, key
