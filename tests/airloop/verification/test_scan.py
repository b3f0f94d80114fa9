"""The scanner hook: real commands, no shell."""

from __future__ import annotations

import sys

import pytest

from airloop.errors import ImageError, Unreachable
from airloop.verification.scan import scan

IMAGE = "registry.example/churn@sha256:" + "5" * 64


def test_a_scanner_that_is_content_lets_the_image_pass():
    assert scan("true {image}", IMAGE) == ""


def test_a_scanner_that_refuses_is_quoted_by_its_last_lines():
    command = f"{sys.executable} -c 'import sys; print(*range(9), sep=chr(10)); sys.exit(7)' {{image}}"
    assert scan(command, IMAGE).endswith("refuses the image (exit code 7): 4 | 5 | 6 | 7 | 8")


def test_a_scanner_that_refuses_without_a_word_is_told_too():
    assert scan("false {image}", IMAGE) == "release.scan: 'false' refuses the image (exit code 1): no word"


def test_the_image_is_one_argument_and_no_shell_sees_it(tmp_path):
    odd = f"{IMAGE}; touch {tmp_path / 'touched'}"
    command = f"{sys.executable} -c 'import sys; sys.exit(len(sys.argv) != 3 or sys.argv[2] != sys.argv[1][7:])'"
    assert scan(f"{command} --name={{image}} {{image}}", odd) == ""
    assert list(tmp_path.iterdir()) == []


def test_a_scanner_that_is_not_there_is_an_error_not_a_pass():
    with pytest.raises(
        ImageError, match=r"release\.scan: 'trivvy' cannot be run \(No such file or directory\): install"
    ):
        scan("trivvy image {image}", IMAGE)


def test_a_scanner_that_does_not_end_is_tried_again_later():
    with pytest.raises(Unreachable, match=r"'sleep' did not end within 0\.2 s"):
        scan("sleep 30", IMAGE, longest_s=0.2)
