"""What a source is, what it may say, and what tells one kind from another: values and protocols, no kind of its own."""
