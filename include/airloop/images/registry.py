"""A registry's API, as far as putting a layer on an image there needs it: no engine takes part.

``oras`` knows the protocol and how to authenticate (``docker login``); this adds time-outs, mounting and plain errors.
"""

from __future__ import annotations

import functools
import hashlib
import json
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

import oras.auth
import oras.container
import oras.provider
import requests

from airloop.errors import ImageError, Unreachable

TIMEOUT_S = (10.0, 120.0)
"""To connect, and between two bytes."""
ADDRESS = "AIRLOOP_REGISTRY_ADDRESS"
"""Where this process reaches the registry, if the engine knows it by another name: ``registry:5000``, or a URL."""
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
"""Not compressed, so that its digest depends on no compressor: it is the same on an engine."""
_DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_RETRIED = (429, 500, 502, 503, 504, 507)
"""507 is a full disk, which somebody may empty."""


@dataclass(frozen=True)
class Manifest:
    """A manifest as its bytes: its name is their digest, so they are never written anew."""

    data: bytes

    @property
    def digest(self) -> str:
        """``sha256:…`` of the bytes."""
        return _digest(self.data)

    @property
    def value(self) -> dict[str, Any]:
        """What they say."""
        value: dict[str, Any] = json.loads(self.data)
        return value

    @classmethod
    def of(cls, value: dict[str, Any]) -> Manifest:
        """Return a new one, the same bytes for the same value."""
        return cls(json.dumps(value, sort_keys=True, separators=(",", ":")).encode())


class Registry:
    """The repositories below ``address``, for example ``registry.example.com/models``."""

    def __init__(self, address: str, environ: Mapping[str, str] | None = None) -> None:
        env = os.environ if environ is None else environ
        host, _, self._folder = address.partition("/")
        self.address = address
        scheme = "http" if _is_loopback(host) else "https"  # as Docker decides it
        given = env.get(ADDRESS) or host
        api = urlsplit(given if "://" in given else f"{scheme}://{given}")
        self._url = f"{api.scheme}://{api.netloc}/v2"
        with self._reporting(self._url):
            asked = requests.get(f"{self._url}/", timeout=TIMEOUT_S)
        is_basic = asked.headers.get("WWW-Authenticate", "").lower().startswith("basic")
        insecure, backend = api.scheme == "http", "basic" if is_basic else "token"
        self._client = _Client(hostname=api.netloc, insecure=insecure, auth_backend=backend)
        # Credentials are kept under the name by which the engine knows the registry.
        configs = [f"{env['DOCKER_CONFIG']}/config.json"] if env.get("DOCKER_CONFIG") else None
        self._client.auth.load_configs(oras.container.Container(f"{host}/any"), configs)
        if is_basic and not getattr(self._client.auth, "_basic_auth", ""):
            raise ImageError(f"registry {address} wants a login: docker login {host}")

    def reference(self, repository: str, digest: str) -> str:
        """Return what names a manifest everywhere."""
        return f"{self.address}/{repository}@{digest}"

    def has_blob(self, repository: str, digest: str) -> bool:
        """Return whether the blob is there. Raises Unreachable."""
        return self._ask("HEAD", self._path(repository, "blobs", digest), allowed=(404,)).status_code == 200

    def put_blob(self, repository: str, data: bytes) -> str:
        """Put bytes there unless they are; return their digest."""
        digest = _digest(data)
        if not self.has_blob(repository, digest):
            started = self._ask("POST", self._path(repository, "blobs", "uploads/"))
            self._ask("PUT", self._location(started, f"digest={digest}"), data=data)
        return digest

    def mount(self, repository: str, digest: str, source: str) -> None:
        """Let ``repository`` have a blob of repository ``source``: no byte travels where the registry can do that."""
        if self.has_blob(repository, digest):
            return
        folder = f"{self._folder}/" if self._folder else ""
        asked = self._path(repository, "blobs", f"uploads/?mount={digest}&from={folder}{source}")
        started = self._ask("POST", asked)
        if started.status_code != 201:
            data = self.blob(source, digest)
            self._ask("PUT", self._location(started, f"digest={digest}"), data=data)

    def blob(self, repository: str, digest: str) -> bytes:
        """Return a blob's bytes. Raises ImageError when it is missing or altered."""
        answer = self._ask("GET", self._path(repository, "blobs", digest), allowed=(404,))
        if answer.status_code == 404:
            raise ImageError(f"{self.address}/{repository}: blob {digest} is missing from the registry")
        if _digest(answer.content) != digest:
            raise ImageError(f"{self.address}/{repository}: blob {digest} was altered in the registry")
        return answer.content

    def manifest(self, repository: str, reference: str) -> Manifest | None:
        """Return the manifest that a tag or digest names, None where there is none. Raises ImageError when altered."""
        path = self._path(repository, "manifests", reference)
        answer = self._ask("GET", path, headers={"Accept": f"{MANIFEST}, {_DOCKER}"}, allowed=(404,))
        if answer.status_code == 404:
            return None
        found = Manifest(answer.content)
        if reference.startswith("sha256:") and found.digest != reference:
            raise ImageError(f"{self.address}/{repository}: manifest {reference} was altered in the registry")
        return found

    def put_manifest(self, repository: str, tag: str, manifest: Manifest) -> str:
        """Put a manifest there under a tag, which keeps it from being cleaned away; return its digest."""
        kind = {"Content-Type": manifest.value["mediaType"]}
        self._ask("PUT", self._path(repository, "manifests", tag), data=manifest.data, headers=kind)
        return manifest.digest

    def check(self, repository: str, digest: str, *, below: bool) -> None:
        """Read an image's own parts, and with ``below`` those of its base too.

        Raises ImageError naming the manifest or blob that is missing or altered.
        """
        manifest = self.manifest(repository, digest)
        if manifest is None:
            raise ImageError(f"{self.address}/{repository}: manifest {digest} is missing from the registry")
        layers = manifest.value["layers"]
        for part in (manifest.value["config"], *(layers if below else layers[-1:])):
            self.blob(repository, part["digest"])

    def _path(self, repository: str, kind: str, name: str) -> str:
        folder = f"{self._folder}/" if self._folder else ""
        return f"{self._url}/{folder}{repository}/{kind}/{name}"

    def _location(self, started: requests.Response, query: str) -> str:
        where = started.headers.get("Location", "")
        # The registry may know itself by another name than the one by which it was reached.
        parts = urlsplit(where)
        host = self._url.removesuffix("/v2")
        asked = "&".join(part for part in (parts.query, query) if part)
        return f"{host}{parts.path}?{asked}"

    def _ask(
        self,
        method: str,
        url: str,
        *,
        data: bytes | None = None,
        headers: dict[str, str] | None = None,
        allowed: tuple[int, ...] = (),
    ) -> requests.Response:
        sent = {"Content-Type": "application/octet-stream"} | (headers or {})
        with self._reporting(url):
            answer = cast("requests.Response", self._client.do_request(url, method, data=data, headers=sent))
        if answer.status_code < 400 or answer.status_code in allowed:
            return answer
        said = f"registry {self.address}: {method} {urlsplit(url).path}: {answer.status_code} {_words(answer)}"
        raise Unreachable(said) if answer.status_code in _RETRIED else ImageError(said)

    @contextmanager
    def _reporting(self, url: str) -> Iterator[None]:
        try:
            yield
        except oras.auth.AuthenticationException as error:
            raise ImageError(f"registry {self.address} refuses: {error}. Try docker login") from error
        except ValueError as error:  # what oras says when it has nothing to log in with
            raise ImageError(f"registry {self.address} wants a login, docker login: {error}") from error
        except requests.RequestException as error:
            raise Unreachable(
                f"registry {self.address} does not answer at {urlsplit(url).netloc}: {error}. "
                f"Check AIRLOOP_REGISTRY and {ADDRESS}"
            ) from error


class _Client(oras.provider.Registry):  # type: ignore[misc]
    """Without the retries of the original, which sleep for 46 s before they tell; ours are the caller's."""

    do_request = oras.provider.Registry.do_request.__wrapped__

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.session.request = functools.partial(self.session.request, timeout=TIMEOUT_S)
        logging.getLogger("oras").setLevel(logging.ERROR)


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _is_loopback(host: str) -> bool:
    return host.rpartition(":")[0] in _LOOPBACK or host in _LOOPBACK


def _words(answer: requests.Response) -> str:
    try:
        return "; ".join(str(error.get("message", error)) for error in answer.json()["errors"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return answer.reason
