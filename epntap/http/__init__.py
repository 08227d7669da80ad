"""What every server over HTTP needs: parameters, responses, parts, faults, bodies."""
