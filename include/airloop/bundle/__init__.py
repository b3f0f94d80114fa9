"""Bundles: content-addressed folders with everything serving needs, and nothing that runs on its own when opened."""

from airloop.bundle.facts import Bundle, Facts
from airloop.bundle.golden import Golden
from airloop.bundle.opened import open_bundle, open_folder
from airloop.bundle.package import package

__all__ = ["Bundle", "Facts", "Golden", "open_bundle", "open_folder", "package"]
