"""Requests to web services."""

import json
import sys
import urllib.error
import urllib.request


def sent(url: str, body: object, method: str, headers: dict[str, str]) -> int:
    """Sends JSON, and gives the status of the answer; ends the script where it is an error, without naming the URL."""
    if not url.startswith(("http://", "https://")):
        sys.exit("the URL is neither http:// nor https://")
    content = json.dumps(body).encode()
    request = urllib.request.Request(url, content, {"Content-Type": "application/json", **headers}, method=method)  # noqa: S310  # checked above
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310  # checked above
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            sys.exit(f"the answer was {error.code}: {error.read(500).decode(errors='replace')}")
    except OSError as error:
        sys.exit(f"there was no answer: {error}")
