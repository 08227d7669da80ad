"""Records for the registry of the Virtual Observatory: what a service is, as VODataService 1.2 says it."""
