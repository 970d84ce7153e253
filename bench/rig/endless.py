"""A provider whose answers never end, and which notes when each of its calls was ended by the other side."""

import http.server
import json
import select
import socket
import threading
import time

MODEL = "bench-endless"
CHUNK = {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": "word "}, "finish_reason": None}]}


class Endless:
    """Calls are told apart by the text of their last message."""

    def __init__(self):
        self.begun, self.ended = {}, {}
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def wait_for(self, tags, patience=30.0):
        """Returns when all of these calls have begun."""
        deadline = time.monotonic() + patience
        while not all(tag in self.begun for tag in tags):
            if time.monotonic() > deadline:
                raise SystemExit(f"the provider was not called for {[tag for tag in tags if tag not in self.begun]}")
            time.sleep(0.002)

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def _handler(provider):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                body = json.dumps({"object": "list", "data": [{"id": MODEL, "object": "model"}]}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self):
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                tag = asked["messages"][-1]["content"]
                provider.begun[tag] = time.perf_counter()
                try:
                    self._stream() if asked.get("stream") else self._say_nothing()
                except OSError:
                    pass
                provider.ended[tag] = time.perf_counter()
                self.close_connection = True

            def _stream(self):
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                event = f"data: {json.dumps(CHUNK)}\n\n".encode()
                while not self._is_left(0.02):
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(event), event))

            def _say_nothing(self):
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", "1000")
                self.end_headers()
                while not self._is_left(1):
                    pass

            def _is_left(self, patience):
                """Whether the other side has closed the connection, within so many seconds."""
                ready, _, _ = select.select([self.connection], [], [], patience)
                return bool(ready) and not self.connection.recv(1, socket.MSG_PEEK)

        return Handler
