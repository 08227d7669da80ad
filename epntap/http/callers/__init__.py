"""Who asks over HTTP: recognised once for all servers, before any of them is asked."""
