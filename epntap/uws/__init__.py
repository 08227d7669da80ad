"""Jobs (UWS 1.1): a table that is the queue, workers that run what is in it, and the job tree over HTTP."""
