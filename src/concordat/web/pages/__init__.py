"""One page a file, each with `PAGE`; `web.site` lists them."""
