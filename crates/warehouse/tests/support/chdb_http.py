"""Speaks ClickHouse's HTTP interface on a loopback port, with chDB behind it. For tests only.

Understands what the warehouse sends: POST with the statement in the body, or in `query` with data in the body;
`param_*` parameters; `database`; every other parameter is a setting. Prints its port and serves until its input ends.
"""

import http.server
import os
import sys
import tempfile
import threading
import urllib.parse

from chdb import session


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        url = urllib.parse.urlsplit(self.path)
        pairs = urllib.parse.parse_qsl(url.query, keep_blank_values=True)
        body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
        sql, params = body, {}
        try:
            with LOCK:
                for name, value in pairs:
                    if name.startswith("param_"):
                        params[name.removeprefix("param_")] = value
                    elif name == "query":
                        sql = value + "\n" + body
                    elif name == "database":
                        set_once("USE", "`" + value + "`")
                    else:
                        set_once("SET " + name + " =", "'" + value + "'")
                answer, status = SESSION.query(sql, "TabSeparated", params=params or None).bytes(), 200
        except Exception as error:
            answer, status = str(error).encode(), 500
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer or b"")))
        self.end_headers()
        self.wfile.write(answer or b"")

    def log_message(self, *_):
        pass


def set_once(what, value):
    if STATE.get(what) != value:
        SESSION.query(what + " " + value)
        STATE[what] = value


LOCK, STATE = threading.Lock(), {}
FOLDER = tempfile.TemporaryDirectory()
SESSION = session.Session(FOLDER.name)
SERVER = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
SERVER.daemon_threads = True
print(SERVER.server_address[1], flush=True)
threading.Thread(target=SERVER.serve_forever, daemon=True).start()
sys.stdin.read()
SESSION.close()
FOLDER.cleanup()
os._exit(0)
