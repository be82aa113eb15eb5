def application(environ, start_response):
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    write(b"written by wsgi\n")
    return [f"in {environ['mod_wsgi.application_group']!r}\n".encode()]
