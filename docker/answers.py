"""Health check: ``answers.py URL [PART]`` ends with 0 when the URL answers well and Airflow's part PART is healthy.

Standard library alone, and little of it: it runs every few seconds in every container.
"""

import http.client
import json
import sys
from urllib.parse import urlsplit


def main(url: str, part: str = "") -> int:
    """Return an exit code; the reason is printed for ``docker inspect``."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=20)
    try:
        connection.request("GET", url.partition(address.netloc)[2] or "/")
        response = connection.getresponse()
        body = response.read()
    except OSError as error:
        print(f"{url}: {error}")
        return 1
    status = json.loads(body).get(part, {}).get("status") if part and response.status == 200 else ""
    print(f"{url}: {response.status} {part} {status}".rstrip())
    return 0 if response.status == 200 and status in ("", "healthy") else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
