"""Libraries that start threads when they are loaded, which forking does not bear, and how to tell them not to."""

from __future__ import annotations

__all__ = ["ONE_THREAD"]

#: variables that numpy's and pyarrow's libraries look for when they are loaded
ONE_THREAD = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
}
