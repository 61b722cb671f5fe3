"""Certificates for tests, made by the program openssl: authorities, and who they vouch for."""

import os
import pathlib
import shutil
import subprocess


def _openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


class Authority:
    """A root certificate in a folder; `path` is what others trust."""

    def __init__(self, folder, name):
        self.folder = pathlib.Path(folder)
        self.path, self.key = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc", "-days", 2,
                 "-subj", f"/CN={name}", "-keyout", self.key, "-out", self.path)

    def issue(self, name, subject, names=(), owner=None, days=2):
        """A certificate and its key, as paths. `owner`: the user who alone may read the key. `days`: until it ends."""
        certificate, key = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        request, extensions = self.folder / f"{name}.csr", self.folder / f"{name}.ext"
        _openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc",
                 "-subj", f"/CN={subject}", "-keyout", key, "-out", request)
        extensions.write_text(f"subjectAltName={','.join(names)}\n" if names else "basicConstraints=CA:FALSE\n",
                              encoding="ascii")
        _openssl("x509", "-req", "-days", days, "-in", request, "-CA", self.path, "-CAkey", self.key, "-CAcreateserial",
                 "-extfile", extensions, "-out", certificate)
        os.chmod(key, 0o600)
        if owner and os.geteuid() == 0:
            shutil.chown(key, owner)
        return certificate, key
