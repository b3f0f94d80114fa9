"""Evidence for a release: the signed bundle, what is in its image, and the statement that ties it together."""

from airloop.evidence import keys
from airloop.evidence.certifying import certify
from airloop.evidence.checking import chain, check, still_holds
from airloop.evidence.links import Link, State
from airloop.evidence.sbom import record_sbom
from airloop.evidence.signing import check_bundle, sign_bundle
from airloop.evidence.statement import Statement

__all__ = [
    "sign_bundle",
    "check_bundle",
    "record_sbom",
    "certify",
    "check",
    "still_holds",
    "chain",
    "Statement",
    "Link",
    "State",
    "keys",
]
