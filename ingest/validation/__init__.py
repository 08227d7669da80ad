"""Validation of EPN-TAP content: rules run over rows, reports, quarantine, and the command `epntap check`."""
