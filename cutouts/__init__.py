"""Cut-outs: a request becomes an interval, a plan, values, bytes. No HTTP here."""
