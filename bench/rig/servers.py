"""Who stands between the driver and the provider: nobody, nginx, the bare hyper proxy, Wardroom.

Each contender starts fresh with `start()` and says how the driver must speak to it: port, key.
"""

import os
import shutil
from pathlib import Path

from .process import Process, free_port

NGINX_CONF = """\
daemon off;
{user}
worker_processes {workers};
worker_rlimit_nofile 65536;
pid {folder}/nginx.pid;
error_log {folder}/nginx-error.log warn;
events {{ worker_connections 16384; }}
http {{
  access_log off;
  keepalive_timeout 1h;
  keepalive_requests 1000000000;
  tcp_nodelay on;
  client_max_body_size 64m;
  client_body_buffer_size 256k;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  upstream provider {{
    server 127.0.0.1:{upstream};
    keepalive 2048;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
  }}
  server {{
    listen 127.0.0.1:{port} reuseport backlog=4096;
    location / {{
      proxy_pass http://provider;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
    }}
  }}
}}
"""


class Direct:
    """No server at all: what the provider and the driver cost by themselves."""

    name = "direct"
    key = "none"

    def __init__(self, provider):
        self.port = provider.port

    def start(self):
        return None


class Nginx:
    """A plain reverse proxy with a pool of kept connections, at its fastest: no log, no buffering, all in memory."""

    name = "nginx"
    key = "none"

    def __init__(self, cores, provider, folder):
        self.cores, self.provider, self.folder = cores, provider, Path(folder) / "nginx"
        self.port = free_port()
        self.program = shutil.which("nginx") or ("/usr/sbin/nginx" if Path("/usr/sbin/nginx").exists() else None)
        if self.program is None:
            raise SystemExit("nginx is not installed (Debian: apt-get install nginx-light)")

    def start(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        config = self.folder / "nginx.conf"
        config.write_text(
            NGINX_CONF.format(
                user="user root;" if os.geteuid() == 0 else "",
                workers=self.cores.server_threads,
                folder=self.folder,
                upstream=self.provider.port,
                port=self.port,
            )
        )
        command = [self.program, "-e", str(self.folder / "start.log"), "-p", str(self.folder), "-c", str(config)]
        return Process("nginx", self.cores.on_server(command), self.port, "/v1/models", log=self.folder / "out.log")


class Passthrough:
    """The bare hyper proxy: the floor of Wardroom's stack."""

    name = "bare hyper"
    key = "none"

    def __init__(self, cores, provider, program):
        self.cores, self.provider, self.program = cores, provider, program
        self.port = free_port()

    def start(self):
        command = [str(self.program), "--port", str(self.port), "--upstream", f"127.0.0.1:{self.provider.port}"]
        return Process(self.name, self.cores.on_server(command), self.port, "/v1/models")
