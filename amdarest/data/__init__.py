"""Files with data, as AMDA gives them: what is asked for, cut, named, written, kept, or made by a job."""
