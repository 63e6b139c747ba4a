"""Redacts secrets from results.

Whoever writes a check need not think of it: every result goes through here, so text, JSON, JUnit,
evidence and sessions hold no more than this lets pass. Names of secrets and placeholders pass.
"""

from __future__ import annotations

import re
from dataclasses import replace

from labgrader.model.result import CheckResult, Evidence, Item

HIDDEN = "[redacted]"

_NAMED = r"(?:token|passw(?:or)?d|passphrase|secret|api[-_]?key|access[-_]?key|private[-_]?key)"
_NO_VALUE = r"(?!(?:true|false|null|none|not|no|absent|set|there)\b|\[redacted\])"
_VALUE = rf"{_NO_VALUE}[^\s\"'`,;|&()<>{{}}\[\]$*…]{{4,}}"
_SECRET = re.compile(
    rf"""
      (?P<lead>
        {_NAMED}["']?\s?[=:]\s?["']?            # password: …, "token": "…", PASSWORD=…
      | --{_NAMED}\s["']?                       # --token …
      | \bbearer\s(?=[^\s"']*[0-9._~+/=])       # Bearer …
      | \bauthorization["']?\s?[=:]\s?["']?(?:basic|token)\s
      | ://[^\s/:@]{{1,80}}:(?=[^\s/@]{{1,200}}@)  # https://user:…@host
      )
      {_VALUE}
    | (?<![\w-])eyJ[\w-]{{8,}}\.[\w-]{{8,}}\.[\w-]*        # a JSON Web Token
    | \b(?:AKIA|ASIA)[0-9A-Z]{{16}}\b
    | \bgh[a-z]_[A-Za-z0-9]{{20,}}
    | -----BEGIN\ [A-Z ]*PRIVATE\ KEY-----.*?(?:-----END\ [A-Z ]*PRIVATE\ KEY-----|$)
    """,
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
_MARKS = (
    *("token", "passw", "passphrase", "secret", "key", "bearer", "authorization"),
    *("://", "eyj", "akia", "asia", "gh"),
)
"""Without one of these, in lower case, there is none: the long search is for few texts."""

_LOG_SECRET = re.compile(
    r"(?i)((?:bearer|basic)\s+|(?:token|password|passwd|secret|apikey|api_key)\s*[=:]\s*)\S+"
    r"|[A-Za-z0-9+/_=-]{40,}"
)


def without_secrets(text: str) -> str:
    """Return a text with what is a secret by its form, or by the name before it, hidden."""
    if not _suspicious(text):
        return text
    return _SECRET.sub(lambda match: f"{match['lead'] or ''}{HIDDEN}", text)


def _suspicious(text: str) -> bool:
    lowered = text.lower()
    return any(mark in lowered for mark in _MARKS)


def redacted(log: str) -> str:
    """Return what a program said without anything that might be a secret; stricter, for logs."""
    return _LOG_SECRET.sub(lambda match: f"{match[1] or ''}{HIDDEN}", log)


def redact(result: CheckResult) -> CheckResult:
    """Return a result that repeats no secret."""
    hide = without_secrets
    texts = _texts(result)
    if not _suspicious("\n".join(texts)):  # one look through all, which is enough for most
        return result
    if not any(_SECRET.search(text) for text in texts if _suspicious(text)):
        return result
    return replace(
        result,
        reason=hide(result.reason),
        expected=hide(result.expected),
        actual=hide(result.actual),
        fix=hide(result.fix),
        items=tuple(_safe_item(one) for one in result.items),
        evidence=tuple(
            Evidence(hide(one.object), hide(one.path), hide(one.value)) for one in result.evidence
        ),
    )


def _safe_item(item: Item) -> Item:
    hide = without_secrets
    return replace(
        item,
        name=hide(item.name),
        reason=hide(item.reason),
        expected=hide(item.expected),
        actual=hide(item.actual),
        fix=hide(item.fix),
        conditions=tuple(_safe_item(one) for one in item.conditions),
    )


def _texts(result: CheckResult) -> list[str]:
    texts = [result.reason, result.expected, result.actual, result.fix]
    for item in (*result.items, *result.conditions):
        texts += [item.name, item.reason, item.expected, item.actual, item.fix]
    for one in result.evidence:
        texts += [one.object, one.path, one.value]
    return texts
