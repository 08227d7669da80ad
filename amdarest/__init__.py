"""AMDA's REST interface: datasets and parameters as Speasy, SciQLop and amdapy ask for them."""
