"""What is measured: one function per question.

Contenders take turns within each round and the order turns around from round to round, so that a machine that gets
busier or slower burdens all of them alike. Every figure is the median of its rounds.
"""

import http.client
import statistics
import threading
import time

CONNECTIONS = (1, 16, 64, 256)
STREAMS = 1000


class Plan:
    """How long to measure."""

    def __init__(self, quick):
        self.rounds = 2 if quick else 7
        self.seconds = 1.0 if quick else 3.0
        self.stream_model = "bench-paced-150-20" if quick else "bench-paced-400-20"
        self.stream_rounds = 1 if quick else 3
        self.starts = 3 if quick else 7


def alternate(contenders, rounds, measure):
    """Runs `measure(contender)` for each contender in each round; returns {name: [result, …]}."""
    results = {contender.name: [] for contender, _ in contenders}
    for number in range(rounds):
        for contender, process in contenders if number % 2 == 0 else reversed(contenders):
            results[contender.name].append(measure(contender, process))
    return results


def closed_loop(driver, contenders, plan, say, **options):
    """Keep-alive connections that ask again as soon as they are answered."""

    def measure(contender, process):
        counts = driver.run(contender, process, seconds=plan.seconds, **options)
        say(f"  {contender.name}: {counts['rps']:,.0f} req/s, p50 {counts['p50_us']:.0f} us, errors {counts['errors']}")
        return counts

    return alternate(contenders, plan.rounds, measure)


def requests(driver, contenders, plan, say):
    """Small chat requests at each number of connections: {connections: {name: [counts, …]}}."""
    results = {}
    for connections in CONNECTIONS:
        say(f"chat requests, {connections} connection(s)")
        results[connections] = closed_loop(driver, contenders, plan, say, connections=connections)
    return results


def large_prompt(driver, contenders, plan, say):
    say("chat requests with a 128 KiB prompt, 16 connections")
    return closed_loop(driver, contenders, plan, say, connections=16, prompt_bytes=128 * 1024)


def burst(driver, contenders, plan, say):
    say("fast streams of 1000 chunks, 16 connections")
    return closed_loop(driver, contenders, plan, say, connections=16, model="bench-burst-1000")


def held_back(driver, contenders, plan, say):
    """Twenty small chunks 5 ms apart on a kept connection.

    A server that leaves Nagle's algorithm on waits for the client's delayed acknowledgement, 40 ms, before it passes on
    a chunk; nothing else adds that much.
    """
    say("chunks 5 ms apart, 4 connections")
    return closed_loop(driver, contenders, plan, say, connections=4, model="bench-paced-20-5")


def audit_cost(driver, contenders, plan, say):
    """The same requests with the audit log at METADATA, as it is, and at NONE."""
    say("chat requests with and without the audit log, 64 connections")
    return closed_loop(driver, contenders, plan, say, connections=64)


def sign_ins(server, process, plan, say):
    """Sign-ins of one person on eight connections: {"rps", "cpu_us"} for each round. Each costs one Argon2id digest."""

    def worker(deadline, counts):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        while time.monotonic() < deadline:
            server.sign_in(connection)
            counts.append(1)
        connection.close()

    say("sign-ins, 8 connections")
    first = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    server.sign_in(first)
    first.close()
    rounds = []
    for _ in range(plan.rounds):
        counts, cpu, begin = [], process.cpu_seconds(), time.monotonic()
        threads = [threading.Thread(target=worker, args=(begin + plan.seconds, counts)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds = time.monotonic() - begin
        spent = (process.cpu_seconds() - cpu) * 1e6
        rounds.append({"rps": len(counts) / seconds, "cpu_us": spent, "requests": len(counts), "errors": {}})
        say(f"  {server.name}: {len(counts) / seconds:,.0f} sign-ins/s")
    return rounds


def slow_streams(driver, contenders, plan, say):
    """A thousand streams of 50 chunks a second, each on a freshly started server: memory before is idle memory."""

    def measure(contender, _):
        process = contender.start()
        try:
            # One request first, so that what every first request makes is not counted as a stream's.
            driver.run(contender, connections=1, rounds=1)
            before = process.rss_bytes() if process else 0
            counts = driver.run(
                contender, process, connections=STREAMS, rounds=1, spread_ms=2000, model=plan.stream_model
            )
        finally:
            if process:
                process.stop()
        counts["bytes_per_stream"] = (counts.get("peak_rss", 0) - before) / STREAMS
        whole, gap = counts["whole_streams"], counts["longest_gap_p99_us"] / 1000
        say(f"  {contender.name}: {whole} streams whole, {counts['bytes_per_stream'] / 1024:.0f} KiB each, gap p99 {gap:.0f} ms")
        return counts

    say(f"{STREAMS} slow streams ({plan.stream_model})")
    return alternate([(contender, None) for contender in contenders], plan.stream_rounds, measure)


def starts(contenders, plan, say):
    """Time from exec to ready, and memory two seconds later: {name: {"ready_ms": […], "idle_bytes": […]}}.

    The first start of a contender that keeps data makes that data; it is returned apart as `first_ready_ms`.
    """
    say("starts and idle memory")
    results = {}
    for contender in contenders:
        first = contender.start()
        first.stop()
        ready, idle = [], []
        for _ in range(plan.starts):
            process = contender.start()
            ready.append(process.ready_after * 1000)
            if len(idle) < 2:
                time.sleep(2)
                idle.append(process.rss_bytes())
            process.stop()
        results[contender.name] = {"first_ready_ms": first.ready_after * 1000, "ready_ms": ready, "idle_bytes": idle}
        say(f"  {contender.name}: ready after {statistics.median(ready):.0f} ms, idle {idle[0] / 2**20:.1f} MiB")
    return results
