"""The operator's side: makes and changes virtual keys through LiteLLM's management routes.

Speaks plain HTTP on purpose, so that the SDK under test is not also the tool of the test.
"""

import json
import os
import time
import urllib.error
import urllib.request

URL = os.environ["WARDROOM_URL"].rstrip("/")
MASTER_KEY = os.environ["WARDROOM_MASTER_KEY"]


def call(method, path, body=None, key=MASTER_KEY):
    """One management call. A refusal fails the test with the server's own words."""
    request = urllib.request.Request(
        URL + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.loads(answer.read())
    except urllib.error.HTTPError as refused:
        raise AssertionError(f"{method} {path} answered {refused.code}: {refused.read().decode()}") from None


def make_key(**limits):
    """A new virtual key's secret; `limits` as POST /key/generate takes them."""
    return call("POST", "/key/generate", limits)["key"]


def spend_of(key):
    return call("GET", f"/key/info?key={key}")["info"]["spend"]


def wait_until(is_true, patience=5.0):
    """Waits for what happens in the background, e.g. a settled cost; `False` when it did not."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if is_true():
            return True
        time.sleep(0.05)
    return False
