"""Wardroom under measurement: the release binary with everything on.

Authentication by a virtual key, a budget on that key, a price on every model, usage recorded: what a gateway is for is
part of what it costs.
"""

import http.client
import json
import os
import secrets
from pathlib import Path

from .process import Process, free_port

# Dollars per million tokens. Any price above nothing makes each request reserve, settle and record money.
PRICE = {"prompt": 0.15, "completion": 0.60}
BUDGET = 1_000_000_000


class Wardroom:
    """A server with its own data folder and its own keys."""

    def __init__(self, cores, provider, program, folder, name="wardroom", settings=None):
        self.name, self.settings = name, settings or {}
        self.cores, self.provider, self.program = cores, provider, Path(program).resolve()
        self.folder = Path(folder) / name.replace(" ", "-")
        self.port = free_port()
        self.master_key = "sk-" + secrets.token_hex(24)
        self.key = None
        self.password, self.is_signed_up = secrets.token_hex(12) + "-Aa1", False

    def start(self):
        """Starts the server, and on the first start makes the key that the driver uses."""
        self.folder.mkdir(parents=True, exist_ok=True)
        command = self.cores.on_server([str(self.program), "serve"])
        # In a folder of its own, so that no `.env` of the repository is read.
        environment, log = self._environment(), self.folder / "log"
        process = Process(self.name, command, self.port, "/ready", env=environment, folder=self.folder, log=log)
        if self.key is None:
            self.key = self._make_key()
        return process

    def _environment(self):
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        return kept | {
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "DATA_DIR": str(self.folder / "data"),
            "OPENAI_API_BASE_URL": f"http://127.0.0.1:{self.provider.port}/v1",
            "OPENAI_API_KEY": "sk-bench-provider",
            "LITELLM_MASTER_KEY": self.master_key,
            "MODEL_PRICES": str(self._prices()),
            "ENABLE_SIGNUP": "true",
        } | self.settings

    def _prices(self):
        models = ["bench-fast", "bench-burst-1000", "bench-paced-20-5", "bench-paced-150-20", "bench-paced-400-20"]
        file = self.folder / "prices.json"
        file.write_text(json.dumps({model: PRICE for model in models}))
        return file

    def _make_key(self):
        answer = self._post("/key/generate", {"key_alias": "bench", "max_budget": BUDGET})
        if "key" not in answer:
            raise SystemExit(f"POST /key/generate gave no key: {answer}")
        return answer["key"]

    def _post(self, path, body):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        headers = {"Authorization": f"Bearer {self.master_key}", "Content-Type": "application/json"}
        connection.request("POST", path, json.dumps(body), headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        if answer.status != 200:
            raise SystemExit(f"POST {path} answered {answer.status}: {text[:500]}")
        return json.loads(text)

    def sign_in(self, connection):
        """Signs one person in, whom the first call signs up."""
        account = {"name": "Bench", "email": "bench@example.com", "password": self.password}
        paths = ["/api/v1/auths/signin"] if self.is_signed_up else ["/api/v1/auths/signup", "/api/v1/auths/signin"]
        for path in paths:
            connection.request("POST", path, json.dumps(account), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            text = answer.read().decode()
            if answer.status != 200:
                raise SystemExit(f"POST {path} answered {answer.status}: {text[:500]}")
        self.is_signed_up = True

    def spent(self):
        """What the key has spent, in dollars: proof that metering was on."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("GET", f"/key/info?key={self.key}", headers={"Authorization": f"Bearer {self.master_key}"})
        answer = json.loads(connection.getresponse().read())
        connection.close()
        return answer.get("info", {}).get("spend", 0.0)
