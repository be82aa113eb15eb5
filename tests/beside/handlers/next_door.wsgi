def application(environ, start_response):
    body = environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"wsgi read {len(body)} of {body[:10].decode()}\n".encode()]
