"""Keys and passwords that were pasted by mistake.

An own list, not the library detect-secrets: that one brings requests and PyYAML (8 MB in all), reads files line by
line, and knows neither Hugging Face's nor Anthropic's nor Google's keys. Each pattern begins with a fixed word and
is bounded, so that it never searches back and forth.
"""

from __future__ import annotations

import re

from django.utils.translation import gettext as _

from collector.checks.findings import SECRET, Finding, first_few

_PREFIXED = (
    r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}",  # AWS
    r"gh[pousr]_[A-Za-z0-9]{36,255}",  # GitHub
    r"github_pat_[A-Za-z0-9_]{22,255}",
    r"glpat-[A-Za-z0-9_-]{20,64}",  # GitLab
    r"xox[abeoprs]-[A-Za-z0-9-]{10,250}",  # Slack
    r"xapp-\d-[A-Za-z0-9-]{10,250}",
    r"AIza[A-Za-z0-9_-]{35}",  # Google
    r"ya29\.[A-Za-z0-9_-]{20,500}",
    r"sk-(?:ant|proj|svcacct|admin)-[A-Za-z0-9_-]{20,250}",  # Anthropic, OpenAI
    r"sk-[A-Za-z0-9]{32,64}",
    r"hf_[A-Za-z0-9]{30,64}",  # Hugging Face
    r"[sr]k_(?:live|test)_[A-Za-z0-9]{16,250}",  # Stripe
    r"whsec_[A-Za-z0-9]{24,64}",
    r"npm_[A-Za-z0-9]{36}",
    r"pypi-[A-Za-z0-9_-]{60,250}",
    r"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}",  # SendGrid
    r"dop_v1_[a-f0-9]{64}",  # DigitalOcean
    r"eyJ[A-Za-z0-9_-]{10,4000}+\.eyJ[A-Za-z0-9_-]{10,8000}+\.[A-Za-z0-9_-]{10,4000}+",  # a JSON web token
)
_SECRETS = re.compile(rf"(?<![A-Za-z0-9_-])(?:{'|'.join(_PREFIXED)})(?![A-Za-z0-9_-])")
_PRIVATE_KEY = re.compile(r"-----BEGIN (?:[A-Z0-9]{2,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----")
_SLACK_HOOK = re.compile(r"https://hooks\.slack\.com/services/[A-Za-z0-9]{8,14}/[A-Za-z0-9]{8,14}/[A-Za-z0-9]{20,32}")
_IN_ADDRESS = re.compile(
    r"(?<![a-z])(?:postgres(?:ql)?|mysql|mongodb(?:\+srv)?|redis|amqp|https?|ftp)://[^\s:@/]{1,64}+:([^\s:@/]{3,128}+)@"
)
# A name that says it, then what was given to it.
_NAMED = re.compile(
    r"(?<![a-z])(?:api[_-]?key|secret(?:[_-]?(?:access[_-]?)?key)?|access[_-]?token|auth[_-]?token|bearer"
    r"|client[_-]?secret|aws_secret_access_key|password|passwd)"
    r"[\"']?[ \t]{0,3}(?:[:=]|[ \t])[ \t]{0,3}[\"']?([A-Za-z0-9+/_.=~!@#$%^&*-]{16,200}+)",
    re.IGNORECASE,
)
_PLACEHOLDER = re.compile(
    r"example|your|passw|secret|placeholder|changeme|redacted|dummy|sample|xxxx|\*\*\*|\.\.\.|1234567|abcdef",
    re.IGNORECASE,
)
_FEWEST_DIFFERENT = 10


def secrets(text: str) -> list[str]:
    """Return the keys and passwords in a text, as they stand there."""
    found = [match.group() for match in _SECRETS.finditer(text) if not _PLACEHOLDER.search(match.group())]
    found += [match.group() for match in _PRIVATE_KEY.finditer(text)]
    found += [match.group() for match in _SLACK_HOOK.finditer(text) if not _PLACEHOLDER.search(match.group())]
    found += [match[1] for match in _IN_ADDRESS.finditer(text) if not _PLACEHOLDER.search(match[1])]
    found += [match[1] for match in _NAMED.finditer(text) if _is_random(match[1])]
    return list(dict.fromkeys(found))


def masked(secret: str) -> str:
    """Show enough to find it again in one's own text, too little to use it."""
    if secret.startswith("-----BEGIN"):
        return secret
    return f"{secret[:4]}…" if len(secret) > 11 else "…"  # noqa: PLR2004 - a short password would be half told


def check(field: str, text: str) -> list[Finding]:
    """Say that there is a key or password; what is shown of it is masked."""
    found = secrets(text)
    if not found:
        return []
    message = _("There is what looks like a password or key. Take it out, and have it replaced if it is a real one.")
    return [Finding(code=SECRET, field=field, message=message, excerpts=first_few([masked(one) for one in found]))]


def _is_random(value: str) -> bool:
    """Tell a key from a variable's name, a path or a sentence: letters and digits mixed, hardly any twice."""
    return (
        any(map(str.isdigit, value))
        and any(map(str.isalpha, value))
        and len(set(value)) >= _FEWEST_DIFFERENT
        and not _PLACEHOLDER.search(value)
    )
