"""Texts in ConfigMaps and Secrets, where a learner may have stored them in several ways. Pure."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping

from labgrader.grading.findings import Failure
from labgrader.kube.resources import CONFIG_MAP, Object, dig, name_of
from labgrader.model.result import Evidence
from labgrader.util.bounded_yaml import NotReadable, stored_yaml

__all__ = ["NotReadable", "decoded", "stored_yaml", "text_under", "texts_of"]


def text_under(found: Object, key: str) -> tuple[str, str]:
    """Return the key that a ConfigMap's text stands under, and the text.

    The only key of a ConfigMap is taken whatever its name is: there is no doubt what is meant. A
    text under ``binaryData`` is the same file in a pod, if it is UTF-8.

    Raises:
        Failure: the key is not there, or what stands under it is no UTF-8 text.
    """
    plain: Mapping[str, str] = dig(found, "data", {})
    packed: Mapping[str, str] = dig(found, "binaryData", {})
    keys = [*plain, *packed]
    used = key if key in keys or len(keys) != 1 else keys[0]
    if used in plain:
        return used, str(plain[used])
    if used not in packed:
        raise _failure(found, used, "is not there", f"keys: {', '.join(keys)[:150] or 'none'}")
    try:
        raw = decoded(packed[used])
        return used, (b"\xff" if raw is None else raw).decode()
    except ValueError as error:
        raise _failure(
            found, used, "is in binaryData, because it is not UTF-8 text", "not UTF-8 (UTF-16?)"
        ) from error


def texts_of(found: Object) -> dict[str, str]:
    """Return the texts of a ConfigMap by key; what is not UTF-8 in ``binaryData`` is replaced."""
    plain = {str(key): str(text) for key, text in dig(found, "data", {}).items()}
    packed = {str(key): decoded(text) for key, text in dig(found, "binaryData", {}).items()}
    known = {key: raw.decode(errors="replace") for key, raw in packed.items() if raw is not None}
    return {**plain, **known}


def decoded(text: object) -> bytes | None:
    """Return the bytes that a Secret or ``binaryData`` holds as base64; None where it is none."""
    try:
        return base64.b64decode(str(text), validate=True)
    except (ValueError, binascii.Error):
        return None


def _failure(found: Object, key: str, why: str, actual: str) -> Failure:
    name, namespace = name_of(found), str(dig(found, "metadata.namespace", ""))
    label = CONFIG_MAP.describe(name, namespace)
    return Failure(
        f"{key} of {label} {why}",
        expected=f"a UTF-8 text under data[{key}]",
        actual=actual,
        fix=f"Save {key} as UTF-8 (`iconv -f UTF-16 -t UTF-8`, where it is UTF-16), then: kubectl"
        f" create configmap {name} -n {namespace} --from-file={key} --dry-run=client -o yaml"
        " | kubectl replace -f -",
        evidence=[Evidence(label, f"data[{key}]", actual)],
    )
