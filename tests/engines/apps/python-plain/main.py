import http.server
import os

import click


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        words = "ok" if self.path == "/healthz" else "greeting one"
        body = click.unstyle(words).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    port = int(os.environ.get("PORT", "4041"))
    http.server.ThreadingHTTPServer(("0.0.0.0", port), Handler).serve_forever()
