"""A failing build says which step failed and what it said, and leaves nothing behind."""

from __future__ import annotations

import secrets

import pytest

from airloop.errors import ImageError, Unreachable
from airloop.images import building
from airloop.images.packages import python_image

pytestmark = pytest.mark.docker


@pytest.fixture
def key(client):
    """What names a build's stages; all of them are gone afterwards."""
    made = secrets.token_hex(16)
    yield made
    assert not client.images.list(filters={"label": f"{building.BUILT_FOR}={made}"})


def dockerfile(key: str, *steps: str) -> str:
    return "\n".join([f"FROM {python_image()}", f"LABEL {building.BUILT_FOR}={key}", *steps, ""])


def test_the_failing_step_and_its_last_words_are_told(client, stack, key):
    text = dockerfile(key, "RUN echo fine", "RUN echo one; echo two >&2; exit 3")
    with pytest.raises(ImageError) as caught:
        building.build(client, text, {}, tag=f"{stack.prefix}/broken:1", key=key)
    said = str(caught.value)
    assert said.startswith(f"{stack.prefix}/broken:1: cannot be built: step `RUN echo one; echo two >&2; exit 3` fai")
    assert "\none\n" in said
    assert "returned a non-zero code: 3" in said
    assert "fine" not in said


def test_a_mistake_in_the_file_is_told(client, stack, key):
    with pytest.raises(ImageError, match=r"cannot be built: step `COPY absent /` failed:\n.*absent"):
        building.build(client, dockerfile(key, "COPY absent /"), {}, tag=f"{stack.prefix}/broken:2", key=key)


def test_a_build_has_no_network(client, stack, key):
    reach = "import socket; socket.create_connection(('1.1.1.1', 443), 2)"
    with pytest.raises(ImageError, match="Network is unreachable"):
        text = dockerfile(key, f'RUN python -c "{reach}"')
        building.build(client, text, {}, tag=f"{stack.prefix}/broken:3", key=key)


def test_a_full_disk_can_be_tried_again(client, stack, key):
    words = {"words": b"OSError: [Errno 28] No space left on device\n"}  # as pip says it
    text = dockerfile(key, "COPY words /", "RUN cat /words >&2; false")
    with pytest.raises(Unreachable, match=r"\[Errno 28\] No space left on device"):
        building.build(client, text, words, tag=f"{stack.prefix}/broken:4", key=key)


@pytest.mark.parametrize("command", ["timeout 5 false", ": no space left on device; false", "echo read timeout; false"])
def test_a_command_that_only_speaks_of_trouble_is_no_trouble_of_the_engine(client, stack, key, command):
    with pytest.raises(ImageError, match="returned a non-zero code: 1"):
        building.build(client, dockerfile(key, f"RUN {command}"), {}, tag=f"{stack.prefix}/broken:5", key=key)


@pytest.mark.parametrize("value", ['a "b" c', "$HOME ${PATH}", "back\\slash", '{"numpy":["1","ab"]}'])
def test_a_label_is_kept_as_it_is(client, stack, key, value):
    tag = f"{stack.prefix}/label:1"
    name = building.build(client, dockerfile(key, f"LABEL told={building.quoted(value)}"), {}, tag=tag, key=key)
    assert client.images.get(name).labels["told"] == value
    (found,) = client.images.list(filters={"label": f"{building.BUILT_FOR}={key}"})
    assert found.id == name, "the label finds what a build made, while it has a name"
    client.images.remove(tag)
