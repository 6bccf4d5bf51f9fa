import http.server
import socketserver

PORT = 8088
socketserver.TCPServer(('', PORT), http.server.SimpleHTTPRequestHandler).serve_forever()
