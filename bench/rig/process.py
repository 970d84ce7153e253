"""One program under measurement: starts it, waits for it, reads what it used, ends it.

Reads /proc, so Linux only. Children count with their parent (nginx works in children).
"""

import http.client
import os
import socket
import subprocess
import time
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Process:
    """A started program and its children."""

    def __init__(self, name, command, port, ready_path=None, env=None, folder=None, log=None):
        self.name, self.port = name, port
        self.log = Path(log) if log else None
        output = self.log.open("ab") if self.log else subprocess.DEVNULL
        self.started = time.monotonic()
        self.child = subprocess.Popen(
            command, env=env, cwd=folder, stdout=output, stderr=output, stdin=subprocess.DEVNULL
        )
        if self.log:
            output.close()
        self.ready_after = self._wait(ready_path)

    def _wait(self, path, patience=30.0):
        """Seconds from exec until the port answers (200 on `path`, or a connection when there is no path)."""
        deadline = self.started + patience
        while time.monotonic() < deadline:
            if self.child.poll() is not None:
                raise SystemExit(f"{self.name} ended with code {self.child.returncode}{self._last_words()}")
            if self._answers(path):
                return time.monotonic() - self.started
            time.sleep(0.001)
        self.stop()
        raise SystemExit(f"{self.name} was not ready within {patience:.0f} s{self._last_words()}")

    def _answers(self, path):
        try:
            if path is None:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return True
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
            try:
                connection.request("GET", path)
                return connection.getresponse().status == 200
            finally:
                connection.close()
        except (OSError, http.client.HTTPException):
            return False

    def _last_words(self):
        if not self.log or not self.log.exists():
            return ""
        lines = self.log.read_text(errors="replace").splitlines()[-15:]
        return ":\n  " + "\n  ".join(lines) if lines else ""

    def tree(self):
        """The process's id and those of its children, theirs included."""
        found, waiting = [], [self.child.pid]
        while waiting:
            pid = waiting.pop()
            found.append(pid)
            for task in Path(f"/proc/{pid}/task").glob("*/children"):
                waiting += [int(child) for child in task.read_text().split()]
        return found

    def cpu_seconds(self):
        """User and system time of the whole tree since its start."""
        ticks = 0
        for pid in self.tree():
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / TICK

    def rss_bytes(self):
        """Resident memory of the whole tree; pages that processes share count in each."""
        total = 0
        for pid in self.tree():
            for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                if line.startswith("VmRSS:"):
                    total += int(line.split()[1]) * 1024
        return total

    def stop(self):
        if self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
