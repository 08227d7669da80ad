"""Pages of the service as a whole, for people: what is here, jobs, how the service is. Other rooms write their own."""
