#!/usr/bin/env python3
"""A relay on 127.0.0.1 between a client under test and a server under test.

  relay.py tls PORT TARGET CERTIFICATE KEY   ends the client's TLS and passes what is in it to the port TARGET
  relay.py proxy PORT                        is an HTTP proxy that answers CONNECT alone, and says in its output whom to
"""

import socket
import ssl
import sys
import threading


def copy(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        pass
    for end in (source, sink):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def join(client, server):
    threading.Thread(target=copy, args=(client, server), daemon=True).start()
    copy(server, client)


def tls(client, context, target):
    try:
        client = context.wrap_socket(client, server_side=True)
    except OSError:
        return
    join(client, socket.create_connection(("127.0.0.1", target)))


def proxy(client):
    head = b""
    while b"\r\n\r\n" not in head:
        data = client.recv(65536)
        if not data:
            return
        head += data
    line = head.split(b"\r\n")[0].decode()
    print(line, flush=True)
    method, target, _ = line.split(" ")
    if method != "CONNECT":
        client.sendall(b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n")
        return
    host, port = target.rsplit(":", 1)
    server = socket.create_connection((host, int(port)))
    client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    join(client, server)


listener = socket.create_server(("127.0.0.1", int(sys.argv[2])))
if sys.argv[1] == "tls":
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[4], sys.argv[5])
while True:
    client, _ = listener.accept()
    arguments = (tls, (client, context, int(sys.argv[3]))) if sys.argv[1] == "tls" else (proxy, (client,))
    threading.Thread(target=arguments[0], args=arguments[1], daemon=True).start()
