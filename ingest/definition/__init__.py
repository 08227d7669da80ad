"""What an operator says of a service: one TOML file, read strictly."""
