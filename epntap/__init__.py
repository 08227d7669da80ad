"""EPN-TAP services from archives of space plasma data: metadata over TAP, data over DataLink."""

__version__ = "0.1.0"
