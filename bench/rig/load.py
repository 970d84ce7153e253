"""Runs the load driver once and adds what the server used meanwhile."""

import json
import subprocess
import threading
import time

# Work that a server puts off (usage rows written in batches) is part of its price: read CPU a moment later.
AFTERMATH_SECONDS = 0.4


class Driver:
    """The load program, pinned to the measuring side."""

    def __init__(self, cores, program):
        self.cores, self.program = cores, program

    def run(self, contender, process=None, **options):
        """One run. Returns the driver's counts; with a process also `cpu_us` in all and `peak_rss` in bytes."""
        words = {"port": contender.port, "key": contender.key, "threads": self.cores.tool_threads} | options
        command = [str(self.program)]
        for name, value in words.items():
            command += [f"--{name.replace('_', '-')}", str(value)]
        before = process.cpu_seconds() if process else 0.0
        watch = PeakMemory(process) if process else None
        finished = subprocess.run(self.cores.on_tools(command), capture_output=True, text=True)
        if finished.returncode != 0:
            raise SystemExit(f"the load driver failed: {finished.stderr.strip()}")
        counts = json.loads(finished.stdout)
        if process:
            time.sleep(AFTERMATH_SECONDS)
            counts["cpu_us"] = (process.cpu_seconds() - before) * 1e6
            counts["peak_rss"] = watch.stop()
        counts["rps"] = counts["requests"] / counts["seconds"]
        return counts


class PeakMemory:
    """Samples a process's memory five times a second until stopped."""

    def __init__(self, process):
        self.process, self.peak, self.ended = process, process.rss_bytes(), threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()

    def _watch(self):
        while not self.ended.wait(0.2):
            self.peak = max(self.peak, self.process.rss_bytes())

    def stop(self):
        self.ended.set()
        self.thread.join()
        return self.peak
