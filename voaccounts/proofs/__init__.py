"""What proves who somebody is: passwords, tokens, cookies. No I/O here."""
