"""Which cores belong to the measuring side and which to the server under test.

With four cores or more the two sides never share one, so that a busy driver does not look like a slow server.
"""

import os
import resource
import shutil


class Cores:
    """The split of the machine. `tools` are the provider's and the driver's cores, `server` the ones under test."""

    def __init__(self, available=None):
        cores = sorted(available if available is not None else os.sched_getaffinity(0))
        self.split = len(cores) >= 4 and shutil.which("taskset") is not None
        half = len(cores) // 2
        self.tools = cores[:half] if self.split else cores
        # As many as the other side has: a server with more cores than its load would only idle.
        self.server = cores[half : 2 * half] if self.split else cores

    @property
    def server_threads(self):
        return len(self.server)

    @property
    def tool_threads(self):
        return len(self.tools)

    def on_tools(self, command):
        return self._pin(self.tools, command)

    def on_server(self, command):
        return self._pin(self.server, command)

    def _pin(self, cores, command):
        if not self.split:
            return command
        return ["taskset", "-c", ",".join(str(core) for core in cores), *command]

    def describe(self):
        if self.split:
            return f"server on cores {self.server}, provider and driver on cores {self.tools}"
        return f"everything shares {len(self.tools)} core(s): ratios are rougher than on four"


def open_many_files():
    """A thousand streams are two thousand sockets in the server; children inherit the limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard != resource.RLIM_INFINITY and hard < 8192:
        raise SystemExit(f"the limit of open files is {hard}; 1000 streams need 8192 (ulimit -Hn)")
