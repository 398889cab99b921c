"""HTTP and the pages: parse, call, status code. Nothing is decided here."""
