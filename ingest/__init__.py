"""From an archive to granules: walk, read, build, check, copy."""
