"""What things in a cluster are called, and the labels by which they are found again."""

import hashlib
import re
from collections.abc import Mapping

from airloop.workspace import Workspace

GROUP = "airloop.dev"
"""Labels and annotations of this project begin like this."""
LONGEST = 46
"""Of a name: a Deployment's pods add 17 characters to it, and 63 are what a host's name may have."""
_VALUE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
_WORD = "[a-z0-9]+"
_PLAIN = re.compile(rf"[a-z][a-z0-9]*(/{_WORD}(_{_WORD})*(/{_WORD}(-{_WORD})*)*)?")


def name_of(workspace: Workspace, pipeline: str, *parts: str) -> str:
    """Return the name of what ``pipeline`` has in a cluster: a DNS-1123 label that begins with a letter, ≤ 46 long.

    ``stack-some-pipeline--part``; different arguments give different names: what cannot be read back like that, or is
    too long, ends in a hash.
    """
    given = [workspace.prefix, *([pipeline] if pipeline else []), *parts]
    plain = "--".join(["-".join(given[:2]).replace("_", "-"), *given[2:]])
    if _PLAIN.fullmatch("/".join(given)) and len(plain) <= LONGEST:
        return plain
    known = _hash("/".join(given))
    safe = re.sub("[^a-z0-9-]", "-", plain.lower()).strip("-")
    led = safe if safe[:1].isalpha() else f"a{safe}"
    return f"{led[: LONGEST - len(known) - 1].rstrip('-')}-{known}"


def labels(workspace: Workspace, role: str, pipeline: str = "", **more: str) -> dict[str, str]:
    """Return the labels of something that has ``role`` in this workspace's stack; ``more`` become airloop.dev/*.

    Those that Kubernetes recommends come first. Values that no label may have are cut and hashed; see ``annotations``.
    """
    shared = {
        "app.kubernetes.io/name": "airloop",
        "app.kubernetes.io/instance": workspace.prefix,
        "app.kubernetes.io/component": role,
        "app.kubernetes.io/part-of": "airloop",
        "app.kubernetes.io/managed-by": "airloop",
    }
    if "version" in more:
        shared["app.kubernetes.io/version"] = more["version"]
    named = {"stack": workspace.prefix, "role": role, "pipeline": pipeline, **more}
    own = {f"{GROUP}/{name.replace('_', '-')}": value for name, value in named.items() if value}
    return {name: label_value(value) for name, value in (shared | own).items()}


def annotations(**named: str) -> dict[str, str]:
    """Return annotations airloop.dev/*: the whole of what labels may carry a part of."""
    return {f"{GROUP}/{name.replace('_', '-')}": value for name, value in named.items() if value}


def selector(labels: Mapping[str, str]) -> str:
    """Return a label selector, as lists take it: everything that has all of ``labels``."""
    return ",".join(f"{name}={value}" for name, value in sorted(labels.items()))


def label_value(text: str) -> str:
    """Return ``text`` as the value of a label; one that no label may have ends in its hash."""
    if not text or _VALUE.fullmatch(text):
        return text
    safe = re.sub("[^A-Za-z0-9_.-]", "-", text).strip("-_.")
    return f"{safe[:52] or 'x'}-{_hash(text)}"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:10]
